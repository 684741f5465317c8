"""Models for stores of common shapes: who has such a store writes no model."""

from tornwrite.model.shapes.document import Document
from tornwrite.model.shapes.key_value import KeyValue
from tornwrite.model.shapes.lists import AppendLog, Queue

__all__ = ["AppendLog", "Document", "KeyValue", "Queue"]
