"""A trained model without torch: written as ONNX or OpenVINO, held against the original, and read again.

Reading needs numpy, tokenizers and one of the two runtimes, and imports neither torch nor transformers; writing does.

Example:
    >>> import hiercls.export
    >>> hiercls.export.load("nowhere")
    Traceback (most recent call last):
    ...
    hiercls.errors.ModelFolderError: expected a folder that 'hiercls export' wrote, found no nowhere/export.json
"""

from hiercls.export.reading import ExportedModel, load

__all__ = ["ExportedModel", "load"]
