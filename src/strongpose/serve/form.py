"""A photo in a form: the one file in a body of type multipart/form-data, as browsers and ``curl -F`` send it."""

from __future__ import annotations

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from strongpose.exceptions import RefusedError

__all__ = ["FORM_TYPE", "read_form"]

FORM_TYPE = "multipart/form-data"
"""Of the body."""

_MOST_BOUNDARY = 70  # characters, RFC 2046
_MOST_NAME = 200  # characters of a file's name


def read_form(body: bytes, content_type: str) -> tuple[str, bytes]:
    """The name and the bytes of the one file in a form; its field may have any name.

    The first part that is not wanted ends the reading, so that bodies of many parts cost no more than others.

    Args:
        body: of the request, whole.
        content_type: header of the request, with the boundary.

    Raises:
        RefusedError: 422 if there is no file, more than one, another field, or the form is damaged.
    """
    boundary = parse_options_header(content_type)[1].get(b"boundary", b"")
    if not 0 < len(boundary) <= _MOST_BOUNDARY:
        raise RefusedError(422, f"the form's content type needs a boundary of 1 to {_MOST_BOUNDARY} characters")
    form = _Form()
    parser = MultipartParser(
        boundary,
        {
            "on_header_field": lambda data, start, end: form.add_to_header(data[start:end], b""),
            "on_header_value": lambda data, start, end: form.add_to_header(b"", data[start:end]),
            "on_header_end": form.end_header,
            "on_headers_finished": form.begin_content,
            "on_part_data": lambda data, start, end: form.content.extend(memoryview(data)[start:end]),
            "on_end": form.end,
        },
    )
    try:
        parser.write(body)
    except FormParserError as error:
        raise RefusedError(422, f"the form is damaged: {str(error)[:200]}") from error
    if not form.is_whole:
        raise RefusedError(422, "the form is cut short: its last boundary is missing")
    if form.name is None or not form.content:
        raise RefusedError(422, "the form has no file; send a photo, as in curl -F photo=@photo.jpg")
    return form.name, bytes(form.content)


class _Form:
    """What was read of a form.

    Attributes:
        name: of the file, once one has begun.
        content: of the file.
        is_whole: whether the end was seen.
    """

    def __init__(self) -> None:
        self.name: str | None = None
        self.content = bytearray()
        self.is_whole = False
        self._header = (b"", b"")
        self._disposition = b""

    def add_to_header(self, name: bytes, value: bytes) -> None:
        self._header = (self._header[0] + name, self._header[1] + value)

    def end_header(self) -> None:
        name, value = self._header
        if name.lower() == b"content-disposition":
            self._disposition = value
        self._header = (b"", b"")

    def begin_content(self) -> None:

        options = parse_options_header(self._disposition)[1]
        self._disposition = b""
        if b"filename" not in options:
            field = options.get(b"name", b"").decode(errors="replace")[:80]
            raise RefusedError(
                422,
                f"the form's field {field!r} is no file; send the photo as in curl -F photo=@photo.jpg, and options "
                "behind the address, as in ?threshold=0.5",
            )
        if self.name is not None:
            raise RefusedError(422, "the form has several files; send one, or several as JSON to /api/batch")
        path = options[b"filename"].decode(errors="replace")
        self.name = path.replace("\\", "/").rpartition("/")[2][:_MOST_NAME]

    def end(self) -> None:
        self.is_whole = True
