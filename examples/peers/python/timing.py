"""Python itself: timing.py <task> <rounds> prints the seconds they took."""
import sys
import timeit

from work import add, back, upper

numbers = list(range(10_000))
table = {"key %d" % i: i for i in range(1_000)}
text = "Straße ohne Ende. " * 60

# In and out: as much copying as a peer has to do that lives outside of Python.
statements = {
    "call": "add(20, 22)",
    "list": "back(numbers.copy()).copy()",
    "dict": "back(table.copy()).copy()",
    "text": "upper(text)",
}
print(timeit.timeit(statements[sys.argv[1]], globals=globals(), number=int(sys.argv[2])))
