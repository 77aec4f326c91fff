/*
 * cgroup.h
 *	  How much memory the kernel lets this process's control groups have.
 *
 * src/cgroup.h
 */
#ifndef POOLER_CGROUP_H
#define POOLER_CGROUP_H

/* In bytes; -1: no limit, or none that can be seen. root: "", where not tested. */
extern int64 pooler_cgroup_memory(const char *root);

#endif							/* POOLER_CGROUP_H */
