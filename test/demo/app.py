"""The guide's application: four SQLAlchemy engines, 5 + 10 connections each.

Every connection of every engine is in use at once. Arguments: port, seconds.
"""
import collections
import random
import sys
import threading
import time

import sqlalchemy as sa

port, seconds = sys.argv[1], float(sys.argv[2])
counts = collections.Counter()
end = time.monotonic() + seconds


def engine_of(database):
    url = f"postgresql+psycopg2://{database}_app:{database}@127.0.0.1:{port}/{database}"
    return sa.create_engine(url, pool_size=5, max_overflow=10, pool_recycle=3600,
                            pool_timeout=30, pool_pre_ping=True)


def transfer(connection):
    """Moves money between two accounts, which leaves their sum as it is."""
    update = sa.text("update pgbench_accounts set abalance = abalance + :by where aid = :aid")
    by = random.randint(1, 100)
    accounts = sorted(random.sample(range(1, 100_001), 2))
    connection.execute(update, {"by": by, "aid": accounts[0]})
    connection.execute(update, {"by": -by, "aid": accounts[1]})


def request(engine):
    while time.monotonic() < end:
        try:
            with engine.begin() as connection:
                transfer(connection)
            counts["done"] += 1
        except sa.exc.OperationalError as failure:
            counts[str(failure.orig).strip().splitlines()[0]] += 1
            time.sleep(0.1)


engines = [engine_of(d) for d in ("main", "telehealth", "fire", "hems")]
threads = [threading.Thread(target=request, args=(e,)) for e in engines for _ in range(15)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(f"application: {counts.pop('done', 0)} transactions on 4 engines of 15 connections")
for failure, times in counts.items():
    print(f"application: {times} times: {failure}")
sys.exit(1 if counts else 0)
