package cgo

import (
	"encoding"
	"math/big"
	"reflect"
	"time"
)

// Tuple is a Python tuple.
type Tuple []any

// Set is a Python set or frozenset: its elements, in no order.
type Set []any

// Decimal is a decimal.Decimal, as text.
type Decimal string

// Kw holds keyword arguments: the last argument of a call.
type Kw map[string]any

// Function is a Go function with what Python is told of it.
type Function struct {
	Func   any
	Doc    string
	Params []string

	Name, Module string
	Method       bool // the first parameter is the receiver
}

// Made is what a function of callbacks.py makes of its arguments.
type Made struct {
	By   string // in MAKERS
	Args []any
}

// Marshaler is a Go type that says itself what it is in Python.
type Marshaler interface {
	// MarshalPython returns the value that crosses in its stead.
	MarshalPython() (any, error)
}

// Unmarshaler is a Go type that takes any value of Python.
type Unmarshaler interface {
	// UnmarshalPython takes what an any would have got.
	UnmarshalPython(v any) error
}

// IsHandle tells whether a type stands for Python objects themselves. Set once, at start.
var IsHandle = func(reflect.Type) bool { return false }

var (
	marshalerType       = reflect.TypeFor[Marshaler]()
	unmarshalerType     = reflect.TypeFor[Unmarshaler]()
	textMarshalerType   = reflect.TypeFor[encoding.TextMarshaler]()
	textUnmarshalerType = reflect.TypeFor[encoding.TextUnmarshaler]()

	tupleType    = reflect.TypeFor[Tuple]()
	setType      = reflect.TypeFor[Set]()
	decimalType  = reflect.TypeFor[Decimal]()
	madeType     = reflect.TypeFor[Made]()
	functionType = reflect.TypeFor[Function]()
	bigIntType   = reflect.TypeFor[big.Int]()
	bigRatType   = reflect.TypeFor[big.Rat]()
	timeType     = reflect.TypeFor[time.Time]()
	durationType = reflect.TypeFor[time.Duration]()
	anyType      = reflect.TypeFor[any]()
)

// isUUID: sixteen bytes that are called so, as in every package that has them.
func isUUID(t reflect.Type) bool { return is16Bytes(t) && t.Name() == "UUID" }

func is16Bytes(t reflect.Type) bool {
	return t.Kind() == reflect.Array && t.Len() == 16 && t.Elem().Kind() == reflect.Uint8
}

// isSet: a map whose values hold nothing, Go's usual set.
func isSet(t reflect.Type) bool {
	return t.Kind() == reflect.Map && t.Elem().Kind() == reflect.Struct && t.Elem().NumField() == 0
}
