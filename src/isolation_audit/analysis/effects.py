"""What the simple operations of CPython 3.11 to 3.13 take from the stack and put there, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

NOTHING: Final = frozenset(
    {
        *("NOP", "RESUME", "PRECALL", "MAKE_CELL", "COPY_FREE_VARS", "SETUP_ANNOTATIONS"),
        *("DELETE_FAST", "DELETE_NAME", "DELETE_GLOBAL", "DELETE_DEREF"),
        # Transparent: the value stays what it is.
        *("GET_AWAITABLE", "GET_YIELD_FROM_ITER", "TO_BOOL"),
        *("JUMP_FORWARD", "JUMP_BACKWARD", "JUMP_BACKWARD_NO_INTERRUPT"),
    }
)

PEEKING: Final = {"GET_LEN": 1, "MATCH_MAPPING": 1, "MATCH_SEQUENCE": 1, "MATCH_KEYS": 2, "GET_ANEXT": 1,
                  "IMPORT_FROM": 1, "WITH_EXCEPT_START": 1}  # fmt: skip
"""Operations that leave so many values where they are, and put one on top that is made from them."""

FIXED: Final = {
    **dict.fromkeys(("UNARY_POSITIVE", "UNARY_NEGATIVE", "UNARY_NOT", "UNARY_INVERT"), (1, 1)),
    **dict.fromkeys(("GET_ITER", "GET_AITER", "LIST_TO_TUPLE", "ASYNC_GEN_WRAP", "CALL_INTRINSIC_1"), (1, 1)),
    **dict.fromkeys(("CONVERT_VALUE", "FORMAT_SIMPLE"), (1, 1)),
    **dict.fromkeys(("LOAD_FROM_DICT_OR_DEREF", "LOAD_FROM_DICT_OR_GLOBALS"), (1, 1)),
    **dict.fromkeys(("BINARY_OP", "COMPARE_OP", "CONTAINS_OP", "IMPORT_NAME", "PREP_RERAISE_STAR"), (2, 1)),
    **dict.fromkeys(("FORMAT_WITH_SPEC", "CALL_INTRINSIC_2", "END_SEND"), (2, 1)),
    **dict.fromkeys(("BINARY_SLICE", "MATCH_CLASS"), (3, 1)),
    **dict.fromkeys(("BEFORE_WITH", "BEFORE_ASYNC_WITH"), (1, 2)),
    **dict.fromkeys(("CHECK_EXC_MATCH", "CHECK_EG_MATCH"), (2, 2)),
    "CLEANUP_THROW": (3, 2),
    **dict.fromkeys(("LOAD_BUILD_CLASS", "LOAD_ASSERTION_ERROR", "LOAD_LOCALS", "LOAD_CLOSURE"), (0, 1)),
    "RETURN_GENERATOR": (0, 1),
    **dict.fromkeys(("POP_EXCEPT", "DELETE_ATTR", "PRINT_EXPR", "IMPORT_STAR"), (1, 0)),
    "END_ASYNC_FOR": (2, 0),
}
"""Operations that take so many values, and put so many there that are made from them."""

COUNTED: Final[dict[str, Callable[[int], tuple[int, int]]]] = {
    **dict.fromkeys(("BUILD_TUPLE", "BUILD_LIST", "BUILD_SET", "BUILD_STRING", "BUILD_SLICE"), lambda arg: (arg, 1)),
    "BUILD_MAP": lambda arg: (2 * arg, 1),
    "BUILD_CONST_KEY_MAP": lambda arg: (arg + 1, 1),
    "FORMAT_VALUE": lambda arg: (2 if arg & 4 else 1, 1),
    "UNPACK_SEQUENCE": lambda arg: (1, arg),
    "UNPACK_EX": lambda arg: (1, (arg & 0xFF) + 1 + (arg >> 8)),
}
"""The same of those whose argument says how many."""

ADDING: Final = frozenset({"LIST_APPEND", "SET_ADD", "LIST_EXTEND", "SET_UPDATE", "DICT_UPDATE", "DICT_MERGE"})
"""Operations that put the top value into a container further down."""

CHOOSING: Final = frozenset({"COMPARE_OP", "IS_OP", "CONTAINS_OP", "RAISE_VARARGS", "LOAD_BUILD_CLASS"})
"""Operations that compare, refuse, or begin what somebody else runs later."""

LOADS: Final = frozenset({"LOAD_FAST", "LOAD_FAST_CHECK", "LOAD_FAST_AND_CLEAR", "LOAD_DEREF", "LOAD_CLASSDEREF"})
STORES: Final = frozenset({"STORE_FAST", "STORE_DEREF", "STORE_NAME", "STORE_GLOBAL"})

COMPREHENSIONS: Final = frozenset({"<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>"})
"""What the code of a comprehension is called that is a function of its own."""
