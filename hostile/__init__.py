"""Input that is broken or means harm: doors that it may come through, a catalogue of it, and fuzzing.

Not part of the library; ``make abuse`` and ``make fuzz`` run it, and ``tests/hostile`` runs what is quick.
"""
