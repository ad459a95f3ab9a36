"""A model that is loaded: what it is, where it runs, and its passes."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self

from postings.encoder.loader import Loader
from postings.encoder.model_files.fingerprint import fingerprint
from postings.encoder.model_files.json_files import malformed
from postings.encoder.model_files.location import lasting_name, model_folder, model_name
from postings.encoder.model_files.modules import ModelFolder, Task, sparse_module
from postings.encoder.model_files.tokenizer import Tokenizer
from postings.encoder.passes.shared import SharedPasses
from postings.encoder.passes.work import Work
from postings.encoding_options import Backend, Precision
from postings.errors import ConfigurationError
from postings.process import OwnedLock

if TYPE_CHECKING:
    from postings.settings import Settings


class LoadedModel:
    """A trained sparse encoder, whose sides are loaded when they are first used, if there are two."""

    def __init__(self, folder: ModelFolder, loader: Loader, *, name: str, fingerprint: str) -> None:
        self.name = name
        """The name or path that the model was loaded by."""
        self.location = lasting_name(name)
        """The same, but absolute if it is a path: a collection keeps it, so that others can load the model."""
        self.fingerprint = fingerprint
        """A stable id of weights, tokenizer and encode settings; it names the model's vectors in a collection."""
        self.precision = loader.precision
        """The precision it was loaded in; all but ``float32`` change the vectors a little."""
        self._folder = folder
        self._loader = loader
        self._loading = OwnedLock("encoder", "load")
        self._loaded: dict[Task, SharedPasses] = {}

    @classmethod
    def load(
        cls,
        model: str | Path = "tiny",
        device: str = "auto",
        backend: Backend = "auto",
        precision: Precision = "float32",
    ) -> Self:
        """Load a model without running code from its folder.

        If different modules encode documents and queries, each side is loaded when it is first used.

        Args:
            model: ``tiny`` (bundled), a folder that sentence-transformers saved, or a Hugging Face hub id.
            device: ``auto`` (a GPU if there is one), ``cpu``, ``cuda``, ``cuda:1``, ``mps``.
            backend: ``torch``, ``onnx`` (on the CPU), or ``auto``: ``onnx`` for SPLADE models if there is no GPU,
                ``torch`` otherwise. A model without ONNX graphs is exported once, which takes some seconds and needs
                PyTorch; the graphs are kept in the user's cache folder.
            precision: ``float32`` gives the vectors of sentence-transformers. The others are faster and change them:
                ``bfloat16`` and ``float16`` (``torch``), ``int8`` (``onnx``).

        Raises:
            ModelNotFound: there is no such model.
            ModelNotSupported: the model isn't a sparse encoder that scores by dot product, has no safetensors weights,
                or a damaged configuration.
            MissingExtra: the model needs PyTorch and sentence-transformers, which aren't installed.
            ConfigurationError: the backend or the precision doesn't exist, or they can't be combined; or there is no
                such device.
            WrongProcess: this process was forked after PyTorch was used.
        """
        name = model_name(model)
        path = model_folder(name)
        folder, identity = ModelFolder.read(path), fingerprint(path)
        with malformed(path):
            loader = Loader(folder, name, identity, device, backend, precision)
        encoder = cls(folder, loader, name=name, fingerprint=identity)
        if folder.has_one_side:
            encoder._passes("document")
        return encoder

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """Load ``settings.model``, on the device and backend of the settings and in their precision."""
        from postings.settings import Settings

        checked = Settings.given(settings)
        return cls.load(checked.model, checked.device, checked.backend, checked.precision)

    @classmethod
    def given(cls, encoder: object) -> Self:
        """Return the encoder that was passed to a function.

        Raises:
            ConfigurationError: the argument isn't an encoder: the model's name, for example.
        """
        if not isinstance(encoder, cls):
            raise ConfigurationError(
                f"encoder must be an Encoder, such as Encoder.load('tiny'), got {type(encoder).__name__}"
            )
        return encoder

    @property
    def backend(self) -> str:
        """``torch`` or ``onnx``."""
        return self._loader.backend

    @property
    def device(self) -> str:
        """The device that encodes, for example ``cpu`` or ``cuda:0``."""
        return self._loader.device

    @property
    def work(self) -> Work:
        """Passes, tokens and seconds since the encoder was loaded."""
        with self._loading:
            each = {id(passes): passes.work for passes in self._loaded.values()}
        return sum(each.values(), Work())

    @cached_property
    def window(self) -> int:
        """Number of tokens of a document that the model reads, besides special tokens and prompt."""
        tokenizer = self._passes("document").route.tokenizer
        prompt = tokenizer.offsets(self._prompt("document"))
        return tokenizer.length - tokenizer.special_tokens - len(prompt)

    @property
    def dims(self) -> int:
        """The size of the vocabulary, or the number of latents: all indices of vectors are below it.

        Example:
            >>> Encoder.load("tiny").dims
            30522
        """
        return self._passes("query").route.dims

    @property
    def has_latents(self) -> bool:
        """Whether entries are the latents of CSR, rather than tokens."""
        return sparse_module([module.name for module in self._folder.document]) == "SparseAutoEncoder"

    def _prompt(self, task: Task) -> str:
        return self._folder.prompts[task]

    def _passes(self, task: Task) -> SharedPasses:
        with self._loading:
            if task not in self._loaded:
                with malformed(self._folder.path):
                    passes = SharedPasses(self._loader.route(task))
                one = self._folder.has_one_side
                self._loaded |= {"document": passes, "query": passes} if one else {task: passes}
            return self._loaded[task]

    def _any_tokenizer(self) -> Tokenizer:
        with self._loading:
            loaded = next(iter(self._loaded.values()), None) or self._passes("document")
        return loaded.route.tokenizer
