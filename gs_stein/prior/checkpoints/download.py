"""Fetching a repository from the hub once, or saying in one line why it cannot be had.

The hub's client wraps, converts and re-raises; users then read "401" for a model that was removed. Here each of its
errors is told apart. Nothing is retried and no other model is ever put in place of the one asked for.
"""

from __future__ import annotations

import errno
from pathlib import Path

from gs_stein.prior.checkpoints.folder import CheckpointError, check_folder, check_weights, choose_weights, select_files


def cached_folder(repo: str, revision: str | None) -> Path | None:
    """Where the hub's cache keeps this revision, whole or not; None if it never started to download."""
    from huggingface_hub import constants

    cache = Path(constants.HF_HUB_CACHE) / f"models--{repo.replace('/', '--')}"
    if revision is None or not (cache / "snapshots" / revision).is_dir():
        reference = cache / "refs" / (revision or "main")
        if not reference.is_file():
            return None
        revision = reference.read_text(encoding="utf-8").strip()
    folder = cache / "snapshots" / revision
    return folder if folder.is_dir() else None


def list_files(repo: str, revision: str | None) -> list[str]:
    """Paths of a repository's files. One request: unlike the client's other listings this one does not retry."""
    from huggingface_hub import HfApi

    info = HfApi().model_info(repo, revision=revision, timeout=15.0)
    return [sibling.rfilename for sibling in info.siblings or []]


def fetch_pipeline(repo: str, revision: str | None, half: bool, skip: tuple[str, ...] = ()) -> Path:
    """Folder of a hub pipeline: the cached copy if it is whole, else downloaded (only the files that are needed).

    Args:
        repo: hub id, "owner/name".
        revision: commit, tag or branch; None for the repository's main branch.
        half: prefer the fp16 copy of the weights.
        skip: components to leave out.

    Raises:
        CheckpointError: it cannot be had; one line with the reason and the remedy.
    """
    cached = cached_folder(repo, revision)
    if cached is not None:
        try:
            check_folder(cached, half, skip)
        except CheckpointError:
            pass  # unfinished: the download below resumes it
        else:
            return cached

    from huggingface_hub import snapshot_download

    try:
        files = select_files(list_files(repo, revision), half, skip)
        if "model_index.json" not in files:
            raise CheckpointError(
                f"model: the hub repository {repo} is not a diffusers pipeline (no model_index.json); "
                "give one that is, or a name such as sd15"
            )
        return Path(snapshot_download(repo, revision=revision, allow_patterns=files))
    except CheckpointError:
        raise
    except Exception as error:  # the client's HTTP library, and so its exceptions, changed between its versions
        raise CheckpointError(explain(error, repo, revision, cached is not None, "model")) from error


def fetch_network(repo: str, revision: str | None, field: str) -> Path:
    """Folder of a hub repository that holds one network and its preprocessing (a depth estimator, TAESD).

    Args:
        repo: hub id.
        revision: commit, tag or branch; None for the repository's main branch.
        field: the option that asks for it, for messages.

    Raises:
        CheckpointError: as `fetch_pipeline`.
    """
    cached = cached_folder(repo, revision)
    if cached is not None:
        names = [p.name for p in cached.iterdir()]
        weights = choose_weights(names, half=False)
        whole = bool(weights) and check_weights(cached.parent, cached.name, weights) is None
        if whole and (cached / "config.json").is_file():
            return cached

    from huggingface_hub import snapshot_download

    try:
        files = [f for f in list_files(repo, revision) if "/" not in f]
        keep = [f for f in files if f.endswith((".json", ".txt"))] + choose_weights(files, half=False)
        return Path(snapshot_download(repo, revision=revision, allow_patterns=keep))
    except Exception as error:
        raise CheckpointError(explain(error, repo, revision, cached is not None, field)) from error


def explain(error: Exception, repo: str, revision: str | None, partly_cached: bool, field: str) -> str:
    """One line on why a repository could not be had, and what to do about it.

    Args:
        error: what the hub's client raised.
        repo: hub id.
        revision: commit, tag or branch asked for.
        partly_cached: whether an unfinished copy lies in the cache.
        field: the option that asked for it.
    """
    from huggingface_hub import constants, errors

    url = f"{constants.ENDPOINT}/{repo}"
    status = error.response.status_code if isinstance(error, errors.HfHubHTTPError) else None
    root = error.__cause__ if isinstance(error, errors.LocalEntryNotFoundError) else error
    half_done = "only part of it was downloaded before; " if partly_cached else ""

    if isinstance(error, errors.GatedRepoError):
        return (
            f"{field}: {repo} is gated; accept its licence at {url} with your account, run `hf auth login`, "
            "then try again"
        )
    if isinstance(error, errors.DisabledRepoError):
        return f"{field}: {repo} was disabled on the hub by its owner; choose another or give a local folder"
    if isinstance(error, errors.RevisionNotFoundError):
        return f"{field}: {repo} has no revision {revision!r}; see {url}/commits/main for the ones it has"
    if isinstance(error, errors.RepositoryNotFoundError) or status in (401, 404):
        return (
            f"{field}: {repo} does not exist on the hub (removed, renamed or private: the hub answers 401 to all "
            "three); check the id, run `hf auth login` if it is private, or give a local folder"
        )
    if status == 403:
        return f"{field}: the hub refuses {repo} to this account (403); check the rights of your token at {url}"
    if status == 429:
        return f"{field}: the hub limits requests from this address (429) for {repo}; wait, or run `hf auth login`"
    if status is not None:
        return f"{field}: the hub failed with status {status} for {repo}; try later, or give a local folder"
    if isinstance(error, errors.HFValidationError):
        return f"{field}: {repo!r} is not a valid hub id (owner/name); give one, a known name or a local folder"
    if isinstance(root, errors.OfflineModeIsEnabled):
        return (
            f"{field}: {repo} is not in the cache and HF_HUB_OFFLINE is set; {half_done}"
            "unset it once to download, or give a local folder"
        )
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        where = constants.HF_HUB_CACHE
        return f"{field}: no space left in {where} for {repo}; free some or set HF_HOME to another disk"
    if isinstance(error, PermissionError):
        return f"{field}: cannot write {repo} to {constants.HF_HUB_CACHE}; set HF_HOME to a folder you own"
    first = (str(root) or type(root).__name__).splitlines()[0][:120]
    return (
        f"{field}: cannot reach {constants.ENDPOINT} to get {repo}; {half_done}check the network or give a local "
        f"folder ({type(root).__name__}: {first})"
    )
