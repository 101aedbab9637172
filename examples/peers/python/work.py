"""What all peers call."""


def add(a, b):
    return a + b


def back(value):
    return value


def upper(text):
    return text.upper()
