package pyhost_test

import (
	"context"
	"fmt"
	"math/big"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/pyhost/pyhost/pyhost"
)

// repr prints what Python makes of a Go value.
func repr(v any) {
	s, err := pyhost.Call[string](context.Background(), rt, "repr", v)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(s)
}

// value prints what a T makes of a Python expression.
func value[T any](expr string) {
	got, err := pyhost.Eval[T](context.Background(), rt, expr)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%T %v\n", got, got)
}

// python runs lines in __main__.
func python(code ...string) {
	if err := rt.Exec(context.Background(), strings.Join(code, "\n")); err != nil {
		fmt.Println(err)
	}
}

func Example_none() {
	repr(nil)
	repr([]*int{nil})
	value[any]("None")
	value[*int]("None")
	// Output:
	// None
	// [None]
	// <nil> <nil>
	// *int <nil>
}

func Example_bool() {
	repr(true)
	value[any]("1 < 2")
	value[bool]("1")
	// Output:
	// True
	// bool true
	// pyhost: result: int into bool
}

func Example_int() {
	repr([]any{uint8(7), new(big.Int).Lsh(big.NewInt(1), 64)})
	value[any]("7")
	value[any]("1 << 64")
	value[int8]("300")
	// Output:
	// [7, 18446744073709551616]
	// int64 7
	// *big.Int 18446744073709551616
	// pyhost: result: 300 overflows int8
}

func Example_float() {
	repr(float32(0.5))
	value[any]("0.5")
	value[float64]("2")
	value[int]("2.0")
	// Output:
	// 0.5
	// float64 0.5
	// float64 2
	// pyhost: result: float into int
}

func Example_complex() {
	repr(1 - 2i)
	value[any]("1-2j")
	// Output:
	// (1-2j)
	// complex128 (1-2i)
}

func Example_string() {
	repr("héllo\x00\xff")
	value[any]("'héllo'")
	python("import pathlib")
	value[string]("pathlib.PurePosixPath('a') / 'b'")
	// Output:
	// 'héllo\x00\udcff'
	// string héllo
	// string a/b
}

func Example_bytes() {
	repr([]byte("ab"))
	value[any]("bytearray(b'ab')")
	value[[2]byte]("b'ab'")
	// Output:
	// b'ab'
	// []uint8 [97 98]
	// [2]uint8 [97 98]
}

func Example_list() {
	repr([]any{1, "a", [2]float64{0.5, 1}})
	value[any]("[1, 'a']")
	value[[]int]("range(3)")
	value[[]int]("[1, 'a']")
	// Output:
	// [1, 'a', [0.5, 1.0]]
	// []interface {} [1 a]
	// []int [0 1 2]
	// pyhost: result[1]: str into int
}

func Example_iterable() {
	value[[]int]("(n * n for n in range(4))")
	value[[]string]("{'a': 1, 'b': 2}.keys()")
	// Output:
	// []int [0 1 4 9]
	// []string [a b]
}

func Example_array() {
	python("import array")
	value[[]float32]("array.array('f', [0.5, 1.5])")
	value[[][]int]("memoryview(bytes(range(6))).cast('B', [2, 3])")
	// Output:
	// []float32 [0.5 1.5]
	// [][]int [[0 1 2] [3 4 5]]
}

func Example_tuple() {
	repr(pyhost.Tuple{1, "a"})
	value[any]("(1, 'a')")
	// Output:
	// (1, 'a')
	// cgo.Tuple [1 a]
}

func Example_set() {
	repr(map[string]struct{}{"a": {}})
	repr(pyhost.Set{1})
	value[any]("frozenset('a')")
	value[map[string]struct{}]("{'a'}")
	// Output:
	// {'a'}
	// {1}
	// cgo.Set [a]
	// map[string]struct {} map[a:{}]
}

func Example_dict() {
	repr(map[string]any{"a": []int{1}})
	value[any]("{'a': 1}")
	value[any]("{1: 'a'}")
	value[map[[2]int]string]("{(1, 2): 'a'}")
	// Output:
	// {'a': [1]}
	// map[string]interface {} map[a:1]
	// map[interface {}]interface {} map[1:a]
	// map[[2]int]string map[[1 2]:a]
}

func Example_struct() {
	type Named struct{ Name string }
	type Item struct {
		Named
		Price float64  `py:"price"`
		Tags  []string `py:"tags,omitempty"`
	}
	repr(Item{Named{"cup"}, 1.5, nil})
	value[Item]("{'Name': 'cup', 'price': 2, 'other': None}")
	value[[]Item]("[{'price': 1}, {'price': '2'}]")
	// Output:
	// {'Name': 'cup', 'price': 1.5}
	// pyhost_test.Item {{cup} 2 []}
	// pyhost: result[1].price: str into float64
}

func Example_attributes() {
	python("import collections, dataclasses", "@dataclasses.dataclass", "class Data:", "  x: int",
		"  y: int", "Pair = collections.namedtuple('Pair', 'x y')")
	type Point struct {
		X int `py:"x"`
		Y int `py:"y"`
	}
	value[[]Point]("[Data(1, 2), Pair(3, 4), (5, 6)]")
	// Output:
	// []pyhost_test.Point [{1 2} {3 4} {5 6}]
}

func ExampleRegister() {
	type Card struct {
		Suit string `py:"suit"`
		Rank int    `py:"rank"`
	}
	python("import dataclasses", "@dataclasses.dataclass", "class Card:",
		"  suit: str", "  rank: int")
	if err := pyhost.Register[Card](context.Background(), rt, "Card"); err != nil {
		fmt.Println(err)
	}
	repr(Card{"hearts", 7})
	value[any]("[Card('spades', 1)]")
	// Output:
	// Card(suit='hearts', rank=7)
	// []interface {} [{spades 1}]
}

func Example_time() {
	python("import datetime as d, zoneinfo")
	repr(time.Date(2024, 7, 1, 12, 30, 0, 0, time.UTC))
	value[any]("d.datetime(2024, 7, 1, 14, 30, tzinfo=d.timezone(d.timedelta(hours=2)))")
	value[time.Time]("d.date(2024, 7, 1)")
	// Output:
	// datetime.datetime(2024, 7, 1, 12, 30, tzinfo=datetime.timezone.utc)
	// time.Time 2024-07-01 14:30:00 +0200 +0200
	// time.Time 2024-07-01 00:00:00 +0000 UTC
}

func Example_duration() {
	python("import datetime as d")
	repr(1500 * time.Millisecond)
	value[any]("d.timedelta(minutes=-1)")
	// Output:
	// datetime.timedelta(seconds=1, microseconds=500000)
	// time.Duration -1m0s
}

func Example_rational() {
	python("import fractions, decimal")
	repr(big.NewRat(1, 3))
	value[*big.Rat]("decimal.Decimal('0.10')")
	value[string]("fractions.Fraction(1, 3)")
	// Output:
	// Fraction(1, 3)
	// *big.Rat 1/10
	// string 1/3
}

func ExampleDecimal() {
	python("import decimal")
	repr(pyhost.Decimal("1.10"))
	value[pyhost.Decimal]("decimal.Decimal('1.10') * 2")
	// Output:
	// Decimal('1.10')
	// cgo.Decimal 2.20
}

func Example_uuid() {
	type UUID [16]byte // as in github.com/google/uuid
	python("import uuid")
	repr(UUID{15: 1})
	value[[16]byte]("uuid.UUID(int=1)")
	value[string]("uuid.UUID(int=1)")
	// Output:
	// UUID('00000000-0000-0000-0000-000000000001')
	// [16]uint8 [0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 1]
	// string 00000000-0000-0000-0000-000000000001
}

func Example_text() {
	repr(netip.MustParseAddr("::1"))
	value[netip.Addr]("'10.0.0.1'")
	// Output:
	// '::1'
	// netip.Addr 10.0.0.1
}

func Example_enum() {
	python("import enum", "class Color(enum.Enum):", "  RED = 'red'",
		"class Level(enum.IntEnum):", "  LOW = 1")
	value[any]("[Color.RED, Level.LOW]")
	// Output:
	// []interface {} [red 1]
}

// csv is a []string that is one str in Python.
type csv []string

func (c csv) MarshalPython() (any, error) { return strings.Join(c, ","), nil }

func (c *csv) UnmarshalPython(v any) error {
	s, ok := v.(string)
	if !ok {
		return fmt.Errorf("want a str")
	}
	*c = strings.Split(s, ",")
	return nil
}

func ExampleMarshaler() {
	repr(csv{"a", "b"})
	value[csv]("'a,b'")
	value[csv]("7")
	// Output:
	// 'a,b'
	// pyhost_test.csv [a b]
	// pyhost: result: int64 into pyhost_test.csv: want a str
}

func ExampleRef() {
	ctx := context.Background()
	ref, err := pyhost.Eval[*pyhost.Ref](ctx, rt, "iter([1, 2, 3])")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer ref.Close()
	first, err := pyhost.Call[int](ctx, rt, "next", ref)
	fmt.Println(first, err)
	rest, err := pyhost.Call[[]int](ctx, rt, "list", ref)
	fmt.Println(slices.Max(rest), err)
	// Output:
	// 1 <nil>
	// 3 <nil>
}
