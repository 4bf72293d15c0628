# mypy: disable-error-code="no-untyped-call"
"""How compiled kernels are put together: each is optimised once, where Python calls it.

Numba optimises a function together with all that it calls, and emits machine code for it, before
it does the same for each of its callers: a decoder of ten levels is compiled ten times over. Here a
kernel that another one calls stays LLVM code as it was lowered. What Python calls links everything
beneath it, is optimised as a whole, and is the only one to become machine code. That takes less
than half the time. Nobody else can call what was linked, so that arguments it does not look at
need not be passed: what runs is twice as fast.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite.binding import Linkage, parse_assembly  # type: ignore[import-untyped]
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler


class _NoEnvironment:
    """A code generator that lets environments be: there is no machine code yet that would use one."""

    def __init__(self, codegen: Any) -> None:
        self._codegen = codegen

    def __getattr__(self, name: str) -> Any:
        return getattr(self._codegen, name)

    def set_env(self, env_name: str, env: Any) -> None:
        """Nothing: `nopython` code without references and printing never looks into it."""


class InnerLibrary(JITCodeLibrary):
    """A function as it was lowered, to be linked into those that call it."""

    @property
    def codegen(self) -> Any:
        """The code generator, for callers that set the environment of what they compiled."""
        return _NoEnvironment(self._codegen)

    def _optimize_functions(self, module: Any) -> None:
        module.data_layout = self._codegen._data_layout

    def finalize(self) -> None:
        """Leave the function as it is."""
        self._raise_if_finalized()
        self._finalize_dynamic_globals()
        self._finalized = True

    def get_pointer_to_function(self, name: str) -> int:
        """None: there is no machine code."""
        return 0


class EntryLibrary(JITCodeLibrary):
    """A function with all that it calls, directly or not."""

    def finalize(self) -> None:
        """Link every callee once, optimise all together, emit machine code."""
        self._own: list[str] = [item.name for item in self._final_module.functions if not item.is_declaration]
        waiting, seen = list(self._linking_libraries), set()
        self._linking_libraries = []
        for library in waiting:
            if library not in seen:
                seen.add(library)
                self._linking_libraries.append(library)
                if isinstance(library, InnerLibrary):
                    waiting += library._linking_libraries
        super().finalize()

    def _optimize_final_module(self) -> None:
        # An array is seven arguments, and the tables of a decoder are twenty arrays. Only a function
        # that nobody else can call may lose those it does not look at; else all are copied at every call.
        for number, item in enumerate(self._final_module.functions):
            if not item.is_declaration and item.name not in self._own:
                item.linkage = Linkage.internal
                item.name = f"{self._own[0]}.{number}"  # the engine knows one function of a name
        # Once: Numba's pass before this one readies reference counts for removal, and there are none.
        passes, builder = self._codegen._module_pass_manager()
        passes.run(self._final_module, builder)

    def serialize_using_object_code(self) -> tuple[str, str, tuple[bytes, bytes]]:
        """What is cached: machine code, and in place of the code it came from, which nobody will link,
        a module that only names its functions. That loads faster."""
        self._ensure_finalized()
        names = [
            item.name
            for item in self._final_module.functions
            if not item.is_declaration and item.linkage != Linkage.internal
        ]
        stubs = "\n".join(f'define void @"{name}"() {{ ret void }}' for name in names)
        return self.name, "object", (self._get_compiled_object(), parse_assembly(stubs).as_bitcode())


class InnerCompiler(Compiler):
    """Compiles what kernels call."""

    def compile_extra(self, func: Callable[..., Any]) -> Any:
        """Compile into a library that stays unoptimised."""
        self.state.library = InnerLibrary(self.state.targetctx.codegen(), func.__qualname__)
        return super().compile_extra(func)


class EntryCompiler(Compiler):
    """Compiles what Python calls."""

    def compile_extra(self, func: Callable[..., Any]) -> Any:
        """Compile into a library that links everything beneath it, and can be cached."""
        self.state.library = EntryLibrary(self.state.targetctx.codegen(), func.__qualname__)
        self.state.library.enable_object_caching()
        return super().compile_extra(func)
