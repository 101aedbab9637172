"""What all peers call."""


def add(a, b):
    return a + b


def back(value):
    return value


def upper(text):
    return text.upper()


def nothing():
    pass


def compute():
    total = 0
    for i in range(200_000):
        total += i * i
    return total
