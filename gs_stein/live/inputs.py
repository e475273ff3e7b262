"""What browsers may set. Whatever a page sends is brought into bounds here, in one place, before anybody sees it."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import viser
    from viser import _messages

LONGEST_TEXT = 4000
"""Characters of a text field."""
MAX_UPLOAD = 1 << 30
"""Bytes that may be on their way from all browsers together."""
_SMALLEST_PART = 1 << 16
"""Bytes of an upload's part on average, at least: parts are counted, and each costs memory. Browsers send 512 KiB."""
_FAR = 1e9
"""Of numbers without bounds of their own."""


def guard_inputs(server: viser.ViserServer) -> None:
    """Put the checks between the browsers and every control of a page, also of controls that are added later."""
    from viser import _messages

    sockets, gui = server._websock_server, server.gui
    sockets.unregister_handler(_messages.GuiUpdateMessage, gui._handle_gui_updates)
    sockets.unregister_handler(_messages.FileTransferStartUpload, gui._handle_file_transfer_start)
    sockets.unregister_handler(_messages.FileTransferPart, gui._handle_file_transfer_part)

    async def update(client: Any, message: _messages.GuiUpdateMessage) -> None:
        handle = gui._gui_input_handle_from_uuid.get(message.uuid)
        if handle is None or set(message.updates) != {"value"}:
            return
        sent = message.updates["value"]
        sent = tuple(sent) if isinstance(sent, list) else sent
        try:
            value = within_bounds(handle, sent)
        except (ValueError, TypeError, OverflowError):
            refused = True
        else:
            refused = False
            await gui._handle_gui_updates(client, replace(message, updates={"value": value}))
        if (refused or value != sent) and not handle._impl.is_button:  # the sender's own page shows what holds, too
            sockets.queue_message(_messages.GuiUpdateMessage(message.uuid, {"value": handle._impl.value}))

    def start(client: Any, message: _messages.FileTransferStartUpload) -> None:
        if _may_upload(gui, message):
            gui._handle_file_transfer_start(client, message)

    def part(client: Any, message: _messages.FileTransferPart) -> None:
        state = gui._current_file_upload_states.get(message.transfer_uuid)
        if state is None or state["client_id"] != client:
            return
        if state["transferred_bytes"] + len(message.content) <= state["total_bytes"]:
            gui._handle_file_transfer_part(client, message)

    sockets.register_handler(_messages.GuiUpdateMessage, update)
    sockets.register_handler(_messages.FileTransferStartUpload, start)
    sockets.register_handler(_messages.FileTransferPart, part)


def within_bounds(handle: Any, value: object) -> Any:
    """A value that a control may take: what was sent, brought into bounds where there is a nearest one.

    Args:
        handle: of the control.
        value: anything.

    Raises:
        ValueError, TypeError, OverflowError: there is no such value; the control keeps its own.
    """
    import viser

    known, props = handle._impl.value, handle._impl.props
    if isinstance(handle, viser.GuiTextHandle):
        if not isinstance(value, str):
            raise TypeError
        return "".join(c for c in value[:LONGEST_TEXT] if c in "\n\t" or (c >= " " and c != "\x7f"))
    if isinstance(handle, (viser.GuiDropdownHandle, viser.GuiButtonGroupHandle)):
        if value not in props.options:
            raise ValueError
        return value
    if isinstance(handle, (viser.GuiCheckboxHandle, viser.GuiButtonHandle)):
        return bool(value)
    if isinstance(handle, (viser.GuiSliderHandle, viser.GuiNumberHandle)):
        return _number(value, known, props.min, props.max)
    if isinstance(handle, viser.GuiMultiSliderHandle):
        if not isinstance(value, tuple) or len(value) != len(known):
            raise ValueError
        return tuple(sorted(_number(v, k, props.min, props.max) for v, k in zip(value, known, strict=True)))
    raise ValueError  # no control of ours that a browser sets


def _number(value: object, known: object, low: float | int | None, high: float | int | None) -> float | int:
    """A finite number of the same kind, between the bounds."""
    if not isinstance(value, (int, float)) or math.isnan(value):
        raise ValueError
    bounded = min(max(value, -_FAR if low is None else low), _FAR if high is None else high)
    return round(bounded) if isinstance(known, int) else float(bounded)


def _may_upload(gui: viser.GuiApi, message: _messages.FileTransferStartUpload) -> bool:
    import viser

    button = gui._gui_input_handle_from_uuid.get(message.source_component_uuid)
    under_way = gui._current_file_upload_states
    size, parts = message.size_bytes, message.part_count
    return (
        isinstance(button, viser.GuiUploadButtonHandle)
        and message.transfer_uuid not in under_way
        and len(under_way) < 16
        and max(len(message.transfer_uuid), len(message.filename), len(message.mime_type)) <= 255
        and 0 <= size <= MAX_UPLOAD - sum(state["total_bytes"] for state in under_way.values())
        and (size == 0 if parts == 0 else 0 < parts <= 1 + size // _SMALLEST_PART)
    )
