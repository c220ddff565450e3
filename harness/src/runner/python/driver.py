# Runs code blocks, a line of JSON each, in one namespace. See ../python.rs.
import ast
import contextlib
import io
import json
import os
import sys

asked = os.fdopen(os.dup(0), encoding="utf-8")
answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
# Blocks and what they start keep their hands off both.
nowhere = os.open(os.devnull, os.O_RDWR)
os.dup2(nowhere, 0)
os.dup2(nowhere, 1)

WIDEST = 2 ** 127


def encode(value):
    kind = type(value)
    if value is None:
        return {"n": 0}
    if kind is bool:
        return {"b": value}
    if kind is int and -WIDEST <= value < WIDEST:
        return {"i": str(value)}
    if kind is float:
        return {"f": repr(value)}
    if kind is str:
        return {"s": value}
    if kind in (tuple, list):
        parts = [encode(part) for part in value]
        if None not in parts:
            return {"t" if kind is tuple else "l": parts}
    return None


def decode(value):
    ((kind, value),) = value.items()
    if kind == "i":
        return int(value)
    if kind == "f":
        return float(value)
    if kind == "t":
        return tuple(decode(part) for part in value)
    if kind == "l":
        return [decode(part) for part in value]
    return None if kind == "n" else value


def place(error, tree):
    """Frame and line in the block where an exception came up."""
    found = (None, getattr(error, "lineno", None) or 1)
    step = error.__traceback__
    while step is not None:
        if step.tb_frame.f_code.co_filename == "<block>":
            found = (step.tb_frame, step.tb_lineno)
        step = step.tb_next
    return found


def broken(error, tree):
    frame, line = place(error, tree)
    holding = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Assert) and node.lineno <= line <= node.end_lineno
    ]
    if frame is None or not holding:
        return None
    node = min(holding, key=lambda node: node.end_lineno - node.lineno)
    values = []
    for part in ast.walk(node.test):
        if isinstance(part, ast.Name) and part.id not in [name for name, _ in values]:
            names = {**frame.f_globals, **frame.f_locals}
            if part.id in names and not callable(names[part.id]):
                values.append((part.id, repr(names[part.id])))
    message = str(error.args[0]) if error.args else None
    return {"first": node.lineno, "last": node.end_lineno, "values": values, "message": message}


def run(code, space):
    printed = io.StringIO()
    tree = None
    try:
        tree = ast.parse(code, "<block>")
        with contextlib.redirect_stdout(printed):
            exec(compile(tree, "<block>", "exec"), space)
    except AssertionError as error:
        found = broken(error, tree)
        if found:
            return {"broken": found}
        return {"raised": {"line": place(error, tree)[1], "what": "AssertionError: %s" % error}}
    except BaseException as error:
        if not (isinstance(error, SystemExit) and error.code in (None, 0)):
            what = "%s: %s" % (type(error).__name__, error)
            return {"raised": {"line": place(error, tree)[1], "what": what}}
    names = {}
    for name, value in space.items():
        encoded = encode(value)
        if encoded is not None and not name.startswith("__"):
            names[name] = encoded
    return {"printed": printed.getvalue(), "names": names}


space = {"__name__": "__main__"}
answers.write("up\n")
answers.flush()
for line in asked:
    question = json.loads(line)
    for name, value in question["names"].items():
        space[name] = decode(value)
    answers.write(json.dumps(run(question["code"], space)) + "\n")
    answers.flush()
