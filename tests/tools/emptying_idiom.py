"""Overwrites a file as `seek(0); truncate(); write`."""

with open("m/rows/3", "r+b") as file:
    print(file.read(2))
    file.seek(0)
    file.truncate()
    file.write(open("new", "rb").read())
