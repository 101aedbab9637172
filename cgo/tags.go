package cgo

// #include "host.h"
import "C"

// Set of tags that values cross with; the form is described in values.h.
const (
	tagNone     = C.PY_T_NONE
	tagFalse    = C.PY_T_FALSE
	tagTrue     = C.PY_T_TRUE
	tagInt      = C.PY_T_INT
	tagBig      = C.PY_T_BIG
	tagFloat    = C.PY_T_FLOAT
	tagComplex  = C.PY_T_COMPLEX
	tagStr8     = C.PY_T_STR8
	tagStr      = C.PY_T_STR
	tagBytes    = C.PY_T_BYTES
	tagList     = C.PY_T_LIST
	tagTuple    = C.PY_T_TUPLE
	tagSet      = C.PY_T_SET
	tagDict     = C.PY_T_DICT
	tagInts     = C.PY_T_INTS
	tagFloats   = C.PY_T_FLOATS
	tagSpecial  = C.PY_T_SPECIAL
	tagInstance = C.PY_T_INSTANCE
	tagRecord   = C.PY_T_RECORD
	tagMissing  = C.PY_T_MISSING
	tagArray    = C.PY_T_ARRAY
	tagFar      = C.PY_T_FAR
	tagRef      = C.PY_T_REF
	tagObject   = C.PY_T_OBJECT
	tagFunc     = C.PY_T_FUNC
	tagGo       = C.PY_T_GO
	tagBuffer   = C.PY_T_BUFFER
	tagStruct   = C.PY_T_STRUCT
)

// Bytes that are in every value with an object, a function or another value of Go in it.
const (
	TagObject = tagObject
	TagFunc   = tagFunc
	TagGo     = tagGo
	TagBuffer = tagBuffer
)

// What tagSpecial stands for.
const (
	specialPlain    = C.PY_V_PLAIN
	specialTime     = C.PY_V_TIME
	specialDelta    = C.PY_V_DELTA
	specialRatio    = C.PY_V_RATIO
	specialUUID     = C.PY_V_UUID
	specialDecimal  = C.PY_V_DECIMAL
	specialInstance = C.PY_V_INSTANCE
	specialMade     = C.PY_V_MADE
)

const maxLayouts = C.PY_LAYOUTS

// MaxDepth is how deep a value may be nested, either way.
const MaxDepth = C.PY_MAX_DEPTH
