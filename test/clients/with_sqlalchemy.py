"""SQLAlchemy with psycopg2: its own pool on top, sessions, an ORM, threads."""
import threading

import sqlalchemy as sa
from sqlalchemy.orm import Session, declarative_base

Base = declarative_base()


class Item(Base):
    __tablename__ = "sqlalchemy_items"
    id = sa.Column(sa.Integer, primary_key=True)
    name = sa.Column(sa.String, unique=True)
    data = sa.Column(sa.JSON)


engine = sa.create_engine("postgresql+psycopg2://")
Base.metadata.drop_all(engine)
Base.metadata.create_all(engine)
assert sa.inspect(engine).has_table("sqlalchemy_items")

with Session(engine) as session:
    session.add_all([Item(name=f"n{i}", data={"i": i}) for i in range(100)])
    session.commit()
    assert session.query(Item).filter(Item.name == "n7").one().data == {"i": 7}
    session.add(Item(name="n7"))
    try:
        session.commit()
        assert False, "duplicate key accepted"
    except sa.exc.IntegrityError:
        session.rollback()
    assert session.query(sa.func.count(Item.id)).scalar() == 100
    with session.begin_nested() as savepoint:
        session.query(Item).delete()
        savepoint.rollback()
    session.commit()


def many(number, failures):
    try:
        for i in range(50):
            with Session(engine) as session:
                item = session.get(Item, number + 1, with_for_update=True)
                item.data = {"i": item.data["i"] + 1}
                session.commit()
    except BaseException as failure:
        failures.append(failure)


failures = []
threads = [threading.Thread(target=many, args=(n % 5, failures)) for n in range(15)]
[t.start() for t in threads]
[t.join() for t in threads]
assert not failures, failures
with Session(engine) as session:
    for n in range(5):
        assert session.get(Item, n + 1).data == {"i": n + 150}
engine.dispose()
