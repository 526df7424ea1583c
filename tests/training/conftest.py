"""Programs that the tests run by themselves, in processes that fork; they are no tests."""

collect_ignore = ["kills.py", "pair.py", "small.py"]
