"""Published data sets: where their archives lie, whose they are, and on what terms they may be used."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["COCO", "LSP", "Archive", "PublishedSet", "by_hand"]


@dataclass(frozen=True)
class Archive:
    """A zip archive of a data set.

    Attributes:
        path: on the server, below the set's address.
        swelling: how many times as large its files are, roughly; only for the look at the free space beforehand.
        md5: checksum of the published archive, or None where none is known.
        tops: folders that its files lie in.
        into: folder to unpack into, below the one that the user names.
    """

    path: str
    swelling: float = 1.05
    md5: str | None = None
    tops: tuple[str, ...] = ()
    into: str = ""

    @property
    def name(self) -> str:
        """The archive's file name."""
        return self.path.rpartition("/")[2]


@dataclass(frozen=True)
class PublishedSet:
    """A data set that can be downloaded.

    Attributes:
        title: for people.
        url: where the archives' paths begin.
        archives: all archives, by the part of the set that needs them; a part may share an archive with another.
        licence: the terms, and where to read them.
    """

    title: str
    url: str
    archives: dict[str, tuple[Archive, ...]]
    licence: str


# COCO publishes no checksums. These are the ones that public projects agree on (PaddleDetection for three of them).
_COCO_LABELS = Archive(
    "annotations/annotations_trainval2017.zip", 5.0, "f4bbac642086de4f52a3fdda2de5fa2c", ("annotations",)
)
_COCO_TEST_INFO = Archive(
    "annotations/image_info_test2017.zip", 15.0, "85da7065e5e600ebfee8af1edb634eb5", ("annotations",)
)

COCO = PublishedSet(
    "COCO 2017",
    "http://images.cocodataset.org",
    {
        "val2017": (
            Archive("zips/val2017.zip", md5="442b8da7639aecaf257c1dceb8ba8c80", tops=("val2017",)),
            _COCO_LABELS,
        ),
        "train2017": (
            Archive("zips/train2017.zip", md5="cced6f7f71b7629ddf16f17bbcfab6b2", tops=("train2017",)),
            _COCO_LABELS,
        ),
        "test2017": (
            Archive("zips/test2017.zip", md5="77ad2c53ac5d0aea611d422c0938fb35", tops=("test2017",)),
            _COCO_TEST_INFO,
        ),
    },
    "The annotations belong to the COCO Consortium and are under the Creative Commons Attribution 4.0 licence.\n"
    "The photos do not: they belong to the people who put them on Flickr, Flickr's terms of use hold for them,\n"
    "and whoever uses them is responsible for that use. Read https://cocodataset.org/#termsofuse",
)

LSP = PublishedSet(
    "Leeds Sports Pose",
    "http://sam.johnson.io/research",
    {
        "lsp": (Archive("lsp_dataset.zip", into="lsp_dataset"),),
        "lsp-extended": (Archive("lspet_dataset.zip", into="lspet_dataset"),),
    },
    "The photos belong to the people who put them on Flickr. The authors ask to be cited (Johnson and Everingham,\n"
    "BMVC 2010; for the extended set CVPR 2011). Read https://sam.johnson.io/research/lsp.html",
)

by_hand = {
    "crowdpose": "CrowdPose lies on Google Drive, which gives no direct address: open "
    "https://github.com/Jeff-sjtu/CrowdPose and follow 'Dataset'. Unpack images.zip and the annotations, then "
    "`strongpose data convert FILE --from crowdpose`.",
    "mpii": "MPII Human Pose is a tar archive of 12 GB behind terms of its own: http://human-pose.mpi-inf.mpg.de. "
    "Its annotations come in MATLAB's format; `strongpose data convert FILE --from mpii` reads the JSON form.",
    "ochuman": "OCHuman is given to those who fill in a form: https://github.com/liruilong940607/OCHumanApi. "
    "Afterwards `strongpose data convert FILE --from ochuman`.",
    "posetrack": "PoseTrack is given to those who register: https://posetrack.net. "
    "Afterwards `strongpose data convert FOLDER --from posetrack`.",
}
"""Data sets that cannot be downloaded by a program, and how to get them."""
