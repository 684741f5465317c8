"""The stores as they were published, flaws included: subjects that the harness has to break."""

from tornwrite.model.archive import ArchiveModel
from tornwrite.reference.published import ArchivingStore, StoreError
from tornwrite.scenarios import archive as archive_scenarios
from tornwrite.scenarios.archive_driver import ArchiveDriver
from tornwrite.scenarios.subject import Subject

archive = Subject(
    about="the archiving store as it was published, flaws included",
    model=ArchiveModel(),
    open=lambda root: ArchiveDriver(ArchivingStore(root), root, StoreError),
    scenarios=archive_scenarios.INSIDE,
)
