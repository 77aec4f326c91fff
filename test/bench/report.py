"""Makes a table and a chart of what test/bench/run measured.

Arguments: the folder with the measurements; the folder to write results.md and
results.svg to.  Without the second it prints the table and writes nothing.
"""
import collections
import os
import re
import statistics
import sys
from xml.sax.saxutils import escape

WAYS = ("direct", "pooler", "pgbouncer")
TITLES = {"direct": "direct", "pooler": "pooler", "pgbouncer": "PgBouncer"}
FIGURES = ("tps", "p50", "p99", "cpu")
WORDS = {"tps": "tps", "p99": "p99", "cpu": "CPU a transaction",
         "calls": "system calls a transaction", "memory": "worker's bytes an idle client"}


def lines(folder, name):
    with open(os.path.join(folder, name), encoding="utf-8") as file:
        return [line.rstrip("\n") for line in file]


class Scenario:
    def __init__(self, line):
        self.name, self.load, self.protocol, *numbers = line.split()[:6]
        self.clients, self.roles, self.idle = map(int, numbers)
        self.aims = line.split()[6:]

    def describe(self):
        text = {"select": "select-only", "one": "SELECT 1", "tpcb": "TPC-B",
                "mb": "results of 1 MB", "connect": "reconnect, select-only"}[self.load]
        if self.load == "select":
            text += f", {self.protocol}"
        if self.roles > 1:
            text += f", {self.roles} roles with {self.clients} {plural(self.clients)} each"
        else:
            text += f", {self.clients} {plural(self.clients)}"
        if self.idle:
            text += f" beside {self.idle:,} idle"
        return text


def plural(clients):
    return "client" if clients == 1 else "clients"


class Results:
    def __init__(self, folder):
        self.facts = dict(line.split(" ", 1) for line in lines(folder, "facts"))
        self.scenarios = {s.name: s for s in map(Scenario, lines(folder, "chosen"))}
        # (name, way, figure) -> round -> value
        self.rounds = collections.defaultdict(dict)
        for line in lines(folder, "measured"):
            name, way, number, *values = line.split()
            for figure, value in zip(FIGURES, values, strict=True):
                self.rounds[name, way, figure][number] = float(value)
        for line in lines(folder, "calls"):
            name, way, value = line.split()
            self.rounds[name, way, "calls"]["1"] = float(value)
        memory = lines(folder, "memory")
        if memory:
            # a later round meets memory that the first one left
            self.rounds["idle-5000", "pooler", "memory"]["1"] = max(map(float, memory))
        self.failures = {}
        for line in lines(folder, "failed"):
            name, way, why = line.split("\t")
            self.failures[name, way] = why

    def median(self, name, way, figure):
        values = self.rounds.get((name, way, figure))
        if not values or (name, way) in self.failures:
            return None
        return statistics.median(values.values())

    def ratio(self, figure, one, other):
        """Median of the ratios of each round that has both."""
        if one in self.failures or other in self.failures:
            return None
        ones, others = (self.rounds.get((*key, figure), {}) for key in (one, other))
        ratios = [ones[n] / others[n] for n in ones if others.get(n)]
        return statistics.median(ratios) if ratios else None

    def judge(self, name, aim):
        """An aim in words, what was measured in words, and whether it is reached."""
        figure, relation, bound = re.fullmatch(r"(\w+)(<=|>=)(.+)", aim).groups()
        pooler = (name, "pooler")
        words = {"<=": "at most", ">=": "at least"}[relation]
        if "*" in bound:
            limit, reference = bound.split("*")
            other = (name, reference) if reference in WAYS else (reference, "pooler")
            measured = self.ratio(figure, pooler, other)
            named = self.scenarios.get(reference)
            text = f"{words} {limit} x {named.describe() if named else TITLES.get(reference, reference)}"
            shown = "{:.2f}"
        elif "+" in bound:
            reference, limit = bound.split("+")
            mine, base = (self.median(name, way, figure) for way in ("pooler", reference))
            measured = None if None in (mine, base) else mine - base
            text = f"{words} {reference} + {limit}"
            shown = "{:+.2f}"
        else:
            limit, measured = bound, self.median(name, "pooler", figure)
            text, shown = f"{words} {limit}", "{:.0f}"
        if measured is None:
            return f"{WORDS[figure]}: {text}", "not measured", False
        good = measured <= float(limit) if relation == "<=" else measured >= float(limit)
        return f"{WORDS[figure]}: {text}", shown.format(measured), good


def cell(value, shown):
    return "–" if value is None else shown.format(value)


def table(head, rows):
    yield "| " + " | ".join(head) + " |"
    yield "|" + "---|" * len(head)
    for row in rows:
        yield "| " + " | ".join(row) + " |"
    yield ""


def figures_of(results, name):
    ways = [cell(results.median(name, way, "tps"), "{:,.0f}") for way in WAYS]
    ratios = [cell(results.ratio("tps", (name, "pooler"), (name, way)), "{:.2f}")
              for way in ("direct", "pgbouncer")]
    others = [" / ".join(cell(results.median(name, way, figure), shown) for way in WAYS)
              for figure, shown in (("p50", "{:.2f}"), ("p99", "{:.2f}"),
                                    ("cpu", "{:.0f}"), ("calls", "{:.1f}"))]
    return ways + ratios + others


def markdown(results):
    facts = results.facts
    yield (f"`test/bench/run`: PostgreSQL {facts['postgresql']}, PgBouncer {facts['pgbouncer']}, {facts['cpus']} CPUs "
           f"that server, poolers and pgbench share, over TCP on one machine; {facts['rounds']} rounds of "
           f"{facts['seconds']} s for each figure. Each round takes all ways, in an order that changes from round to "
           "round. Both pools have 8 backends. All figures are medians of the rounds; ratios are made within a round. "
           "Each load runs for two seconds before it is measured, and one after. tps, p50 and p99 are of the "
           "transactions that end in that time (with SELECT only: of a fifth of them), CPU is that of every process "
           "on the server's side. System calls are the difference of a long and a short run, without logins.")
    yield ""
    aims = [(results.scenarios[name].describe(), *results.judge(name, aim))
            for name in results.scenarios for aim in results.scenarios[name].aims]
    reached = sum(good for *_, good in aims)
    yield f"Aims: {reached} of {len(aims)} reached."
    yield ""
    yield from table(("Load", "Aim", "Measured", "Reached"),
                     [(load, aim, measured, "yes" if good else "**no**") for load, aim, measured, good in aims])
    yield "Measured, each as direct / pooler / PgBouncer; p50 and p99 in ms, CPU in µs a transaction:"
    yield ""
    yield from table(("Load", "direct, tps", "pooler", "PgBouncer", "pooler / direct", "pooler / PgBouncer",
                      "p50", "p99", "CPU", "system calls"),
                     [[s.describe(), *figures_of(results, s.name)] for s in results.scenarios.values()])
    memory = results.median("idle-5000", "pooler", "memory")
    if memory is not None:
        yield (f"An idle client costs {memory:.0f} bytes in the worker (its private memory with "
               f"{results.scenarios['idle-5000'].idle:,} of them, less that before), and {facts['slot']} bytes of the "
               "server's shared memory, which are set aside at start for each of `max_client_conn`. The kernel's part, "
               "a socket, is not counted; it is the same for any server.")
        yield ""
    for (name, way), why in results.failures.items():
        yield f"- {results.scenarios[name].describe()}, {TITLES[way]}: failed with `{why}`."
    if results.failures:
        yield ""


STYLE = """
text { font: 12px system-ui, sans-serif; fill: #1f2328 }
.paper { fill: #ffffff } .title { font-weight: 600 } .small { font-size: 11px }
.direct { fill: #8c959f } .pooler { fill: #0969da } .pgbouncer { fill: #bc4c00 }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 } .paper { fill: #0d1117 }
  .direct { fill: #7d8590 } .pooler { fill: #4493f8 } .pgbouncer { fill: #db6d28 }
}"""
COLUMN, BAR, TOP, GROUP = 480, 280, 64, 66


def bars(results, scenario, x, y):
    """A scenario: its title, and a bar for each way, the longest for the most tps."""
    yield f'<text class="title" x="{x}" y="{y}">{escape(scenario.describe())}</text>'
    tps = {way: results.median(scenario.name, way, "tps") for way in WAYS}
    most = max((value for value in tps.values() if value), default=1)
    for i, way in enumerate(WAYS):
        width = (tps[way] or 0) / most * BAR
        failed = "failed" if (scenario.name, way) in results.failures else "–"
        p99 = results.median(scenario.name, way, "p99")
        text = failed if tps[way] is None else f"{tps[way]:,.0f} tps, p99 {p99:.1f} ms"
        yield f'<rect class="{way}" x="{x}" y="{y + 6 + 14 * i}" width="{width:.1f}" height="12" rx="2"/>'
        yield f'<text class="small" x="{x + width + 5:.1f}" y="{y + 16 + 14 * i}">{text}</text>'


def chart(results):
    scenarios = list(results.scenarios.values())
    rows = (len(scenarios) + 1) // 2
    width, height = 2 * COLUMN, TOP + rows * GROUP
    yield (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
           'role="img" aria-label="Transactions a second: direct, pooler and PgBouncer">')
    yield f"<style>{escape(STYLE)}</style>"
    yield f'<rect class="paper" width="{width}" height="{height}" rx="6"/>'
    for i, way in enumerate(WAYS):
        yield f'<rect class="{way}" x="{16 + 90 * i}" y="14" width="12" height="12" rx="2"/>'
        yield f'<text x="{33 + 90 * i}" y="24">{TITLES[way]}</text>'
    yield ('<text class="small" x="300" y="24">longer is better; each group has its own scale; '
           f'medians of {results.facts["rounds"]} rounds, pools of 8</text>')
    for i, scenario in enumerate(scenarios):
        yield from bars(results, scenario, 16 + i // rows * COLUMN, TOP + i % rows * GROUP - 8)
    yield "</svg>"


results = Results(sys.argv[1])
text = "\n".join(markdown(results))
print(text)
if len(sys.argv) > 2:
    for name, content in (("results.md", text + "\n![Transactions a second](results.svg)\n"),
                          ("results.svg", "\n".join(chart(results)) + "\n")):
        with open(os.path.join(sys.argv[2], name), "w", encoding="utf-8") as file:
            file.write(content)
