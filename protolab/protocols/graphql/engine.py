"""The engine: a request is prepared (parsed, validated, its operation chosen, its variables coerced), then run.

    prepared = engine.prepare(Request("{ users { name } }"))
    if isinstance(prepared, Refusal): ...         # nothing ran; each transport has its own code for that
    elif prepared.kind == "subscription": async for result in await engine.subscribe(prepared): ...
    else: result = await engine.execute(prepared)  # {"data": ...} and, where fields failed, {"errors": [...], "data": ...}

GraphQL September 2025 section 6 says what happens, graphql-core does it. The engine adds what a server owes its clients and
itself: limits, a cache of documents, timeouts, and errors that tell no internals.
"""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from inspect import isawaitable
from typing import Any, Literal, NamedTuple, TypeGuard

from graphql import (
    DocumentNode,
    ExecutionResult,
    Executor,
    GraphQLError,
    GraphQLSchema,
    MiddlewareManager,
    NoSchemaIntrospectionCustomRule,
    OperationDefinitionNode,
    create_source_event_stream,
    get_operation_ast,
    parse,
    specified_rules,
    validate,
)

from protolab.protocols.graphql.limits import Limits, check
from protolab.protocols.graphql.persisted import Persisted
from protolab.protocols.graphql.request import Request
from protolab.protocols.graphql.source import Subscription
from protolab.protocols.graphql.trace import Trace

__all__ = ["Engine", "Prepared", "Refusal", "Request", "Result"]

Result = dict[str, Any]  # {"data": ..., "errors": [...]}, ready for JSON
Kind = Literal["query", "mutation", "subscription"]


@dataclass(frozen=True, slots=True)
class Refusal:
    """A request that is not run: a request error, so its result has no `data` (section 7.1.2).

    kind is "syntax", "limit", "validation", "operation", "variables", "persisted" or "timeout".
    """

    kind: str
    errors: list[dict[str, Any]]

    @property
    def result(self) -> Result:
        """What the client is told."""
        return {"errors": self.errors}


class Prepared(NamedTuple):
    """A request that can be run: `kind` is "query", "mutation" or "subscription".

    `executor` is graphql-core's, with the variables coerced. It never runs: each run has one made after it.
    """

    kind: Kind
    request: Request
    document: DocumentNode
    operation: OperationDefinitionNode
    variables: dict[str, Any]
    trace: Trace | None
    executor: Executor[Any]


_QUOTED = re.compile(r", but encountered error '.*'; found", re.S)
_PLAIN = frozenset((str, int, float, bool, type(None), list, dict))


def _is_awaitable(value: Any) -> TypeGuard[Awaitable[Any]]:
    """As graphql-core has it, which asks this of every value, and faster for most of them."""
    return type(value) not in _PLAIN and hasattr(value, "__await__")


class Engine:
    """Runs requests on `schema`; `context_factory(trace)` makes what resolvers find as `info.context`, for each request.

    With `introspection` off a schema cannot be asked for, nor guessed from suggestions. With `mask` errors that are no
    GraphQLError reach clients as "Internal server error" and `log` as they are; extensions stay. `cache` off parses and
    validates every time.
    """

    def __init__(
        self,
        schema: GraphQLSchema,
        context_factory: Callable[[Trace | None], Any] = lambda trace: None,
        *,
        limits: Limits | None = None,
        introspection: bool = True,
        mask: bool = True,
        cache: bool = True,
        persisted: Persisted | None = None,
        log: Callable[[str], object] = lambda text: None,
    ) -> None:
        self.schema = schema
        self.context_factory = context_factory
        self.limits = limits or Limits()
        self.introspection = introspection
        self.mask = mask
        self.cache = cache
        self.persisted = Persisted(self.limits.documents) if persisted is None else persisted
        self.log = log
        self._rules = list(specified_rules) + ([] if introspection else [NoSchemaIntrospectionCustomRule])
        # Documents that are valid, the least recently used first; `limits.documents` of them, the first falls out.
        self._documents: OrderedDict[str, DocumentNode] = OrderedDict()

    @property
    def known(self) -> int:
        """How many documents need neither be parsed nor validated again."""
        return len(self._documents)

    def prepare(self, request: Request, trace: Trace | None = None) -> Prepared | Refusal:
        """What can be run, or why it cannot."""
        text = self.persisted.document(request)
        if isinstance(text, GraphQLError):
            return self._refuse("persisted", text)
        document = self._documents.get(text)
        if document is None:
            read = self._read(text, trace)
            if isinstance(read, Refusal):
                return read
            document = read
            if self.cache:
                self._documents[text] = document
                if len(self._documents) > self.limits.documents:
                    self._documents.popitem(last=False)
        else:
            self._documents.move_to_end(text)
            if trace is not None:
                trace.cached = True
        self.persisted.register(request)
        return self._choose(request, document, trace)

    async def execute(self, prepared: Prepared) -> Result | Refusal:
        """The result of a query or mutation. A Refusal says that it took too long."""
        return await self._run(prepared, None)

    async def subscribe(self, prepared: Prepared) -> Subscription | Refusal:
        """The results of a subscription as they come, or why there will be none. Close it (`aclose`) when done with it.

        Each event has a context of its own: what loaders know is true for one event, not for hours.
        """
        source = create_source_event_stream(self._executor(prepared, None))
        if isawaitable(source):
            source = await source
        if isinstance(source, ExecutionResult):
            return Refusal("execution", [self._tell(error) for error in source.errors or ()])

        async def run(event: Any) -> Result:
            done = await self._run(prepared, event)
            return done.result if isinstance(done, Refusal) else done

        return Subscription(source, run, prepared.trace)

    async def _run(self, prepared: Prepared, root: Any) -> Result | Refusal:
        """Execute an operation once, for a request or for an event (sections 6.2 and 6.2.3.2)."""
        trace = prepared.trace
        start = 0.0 if trace is None else trace.now()
        try:
            done = self._executor(prepared, root).execute_operation()
            if _is_awaitable(done):
                async with asyncio.timeout(self.limits.seconds):
                    done = await done
        except TimeoutError:
            problem = f"This took longer than {self.limits.seconds:g} seconds, and was stopped: ask for less."
            return self._refuse("timeout", GraphQLError(problem, extensions={"code": "TIMEOUT"}))
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            # nobody cancelled this: a resolver waited for something that was
            done = ExecutionResult(None, [GraphQLError(repr(error), original_error=RuntimeError(repr(error)))])
        finally:
            if trace is not None:
                trace.add("execute", start, field=prepared.kind)
        assert isinstance(done, ExecutionResult)
        return self.format(done)

    def _executor(self, prepared: Prepared, root: Any) -> Executor[Any]:
        """What runs an operation once: as that which was prepared, with nothing that it keeps of another run."""
        like = prepared.executor
        return Executor(
            like.schema,
            like.fragment_definitions,
            like.fragments,
            root,
            self.context_factory(prepared.trace),
            like.operation,
            like.variable_values,
            like.field_resolver,
            like.type_resolver,
            like.subscribe_field_resolver,
            middleware_manager=like.middleware_manager,
            is_awaitable=like.is_awaitable,
            hide_suggestions=like.hide_suggestions,
        )

    def format(self, done: ExecutionResult) -> Result:
        """A result as it is told: errors first, so that nobody overlooks them (section 7.1)."""
        if not done.errors:
            return {"data": done.data}
        return {"errors": [self._tell(error) for error in done.errors], "data": done.data}

    def _read(self, text: str, trace: Trace | None) -> DocumentNode | Refusal:
        """The document in a text, valid."""
        start = 0.0 if trace is None else trace.now()
        try:
            # the grammar (section 2.4) wants something in a selection set, graphql-core only when told so
            document = parse(text, max_tokens=self.limits.tokens, allow_empty_selection_sets=False)
        except GraphQLError as error:
            limited = error.message.endswith(("Parsing aborted.", "Parsing aborted"))
            return self._refuse("limit" if limited else "syntax", error)
        except RecursionError:
            return self._refuse("limit", GraphQLError("This document is nested too deeply."))
        finally:
            if trace is not None:
                trace.add("parse", start)
        start = 0.0 if trace is None else trace.now()
        try:
            if errors := check(document, self.limits):
                return self._refuse("limit", *errors)
            if errors := validate(
                self.schema, document, self._rules, self.limits.errors, hide_suggestions=not self.introspection
            ):
                return self._refuse("validation", *errors)
        except RecursionError:
            return self._refuse("limit", GraphQLError("This document is nested too deeply."))
        finally:
            if trace is not None:
                trace.add("validate", start)
        return document

    def _choose(self, request: Request, document: DocumentNode, trace: Trace | None) -> Prepared | Refusal:
        """The operation that is meant (section 6.1), with its variables (section 6.1.2)."""
        operation = get_operation_ast(document, request.operation)
        if operation is None:
            problem = (
                "This document has several operations: name one as operationName."
                if request.operation is None
                else f'This document has no operation "{request.operation}".'
            )
            return self._refuse("operation", GraphQLError(problem))
        given = request.variables or {}
        try:
            executor = Executor.build(
                self.schema,
                document,
                raw_variable_values=given,
                operation_name=request.operation,
                max_coercion_errors=self.limits.errors,
                middleware=None if trace is None else MiddlewareManager(trace),
                is_awaitable=_is_awaitable,
                hide_suggestions=not self.introspection,
            )
        except RecursionError:
            return self._refuse("variables", GraphQLError("The variables are nested too deeply."))
        if isinstance(executor, list):
            return self._refuse("variables", *executor)
        return Prepared(operation.operation.value, request, document, operation, given, trace, executor)

    def _refuse(self, kind: str, *errors: GraphQLError) -> Refusal:
        told: list[dict[str, Any]] = [dict(error.formatted) for error in errors]
        for error in told if self.mask else ():
            # graphql-core quotes what a scalar raised, which may be anything; a GraphQLError is meant to be quoted
            error["message"] = _QUOTED.sub(", found", error["message"])
        return Refusal(kind, told)

    def _tell(self, error: GraphQLError) -> dict[str, Any]:
        """An error as clients may see it (section 7.1.2)."""
        told = dict(error.formatted)
        cause = error.original_error
        if self.mask and cause is not None and not isinstance(cause, GraphQLError):
            place = "".join(f".{key}" for key in error.path or ()).removeprefix(".")
            self.log(f"{place or 'a request'} failed: {cause!r}")
            told["message"] = "Internal server error"
        return told
