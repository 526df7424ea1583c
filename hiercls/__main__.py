"""``python -m hiercls``: the same as the command ``hiercls``. Knows nothing but that."""

from hiercls.cli import main

if __name__ == "__main__":
    main()
