package pyhost_test

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/pyhost"
)

type (
	UUID        [16]byte
	celsius     float64
	pair[T any] struct{ A, B T }
	point       struct {
		X int `py:"x"`
		Y int `py:"y"`
	}
	base  struct{ ID int }
	Place point
	outer struct {
		base
		*Place
		Name    string         `py:"name"`
		Tags    []string       `py:"tags,omitempty"`
		Next    *outer         `py:"next,omitempty"`
		Extra   map[string]any `py:"extra,omitempty"`
		Skipped int            `py:"-"`
		When    *time.Time     `py:"when,omitempty"`
		private map[string]string
	}
	// roman is a Marshaler and an Unmarshaler.
	roman int
)

func (r roman) MarshalPython() (any, error) {
	if r < 1 {
		return nil, errors.New("no such number")
	}
	return strings.Repeat("I", int(r)), nil
}

func (r *roman) UnmarshalPython(v any) error {
	s, ok := v.(string)
	if !ok {
		return fmt.Errorf("%v is not a number", v)
	}
	*r = roman(len(s))
	return nil
}

var (
	paris  = mustLocation("Europe/Paris")
	moment = time.Date(2024, 7, 1, 12, 30, 0, 123456000, time.UTC)
	uuid   = [16]byte{0x12, 0x34, 0x56, 0x78, 0x12, 0x34, 0x56, 0x78, 0x12, 0x34, 0x56, 0x78,
		0x12, 0x34, 0x56, 0x78}
)

func mustLocation(name string) *time.Location {
	loc, err := time.LoadLocation(name)
	if err != nil {
		panic(err)
	}
	return loc
}

const variety = `
import array, collections, dataclasses, datetime, decimal, enum, fractions, pathlib, uuid, zoneinfo

class Color(enum.Enum):
    RED = "red"
class Level(enum.IntEnum):
    LOW = 1
class Perm(enum.Flag):
    R, W = 1, 2
class Text(str): pass
class Int(int): pass
class Real(float): pass
class List(list):
    def __len__(self): return 99
    def __iter__(self): raise RuntimeError
class Dict(dict):
    def items(self): raise RuntimeError
Point = collections.namedtuple("Point", "x y")
@dataclasses.dataclass(frozen=True)
class Data:
    x: int
    y: int
class Slots:
    __slots__ = ("x", "y")
    def __init__(self): self.x, self.y = 3, 4
class Lazy:
    @property
    def x(self): return 5
    y = 6
    def __getattr__(self, name): raise AttributeError(name)
def same(value, text):
    want = eval(text)
    assert type(value) is type(want), (type(value), type(want))
    assert value == want or value != value and want != want, (value, want)
    return value
`

// Each row of the table: what a Go value is in Python.
func TestGoValuesInPython(t *testing.T) {
	mustExec(t, variety)
	huge := new(big.Int).Lsh(big.NewInt(-7), 200)
	for _, c := range []struct {
		v    any
		want string
	}{
		{nil, "None"}, {true, "True"}, {int8(-3), "-3"}, {uint64(math.MaxUint64), "2**64-1"},
		{huge, "-7 << 200"}, {*huge, "-7 << 200"}, {(*big.Int)(nil), "None"},
		{float32(0.5), "0.5"}, {math.Inf(-1), "-float('inf')"}, {math.NaN(), "float('nan')"},
		{celsius(1.5), "1.5"}, {complex(1, -2), "1-2j"}, {complex64(2), "2+0j"},
		{"héllo\x00", "'héllo\\0'"}, {"\xff", "'\\udcff'"}, {strings.Repeat("x", 300), "'x'*300"},
		{[]byte("ab\x00"), "b'ab\\0'"}, {[]byte(nil), "None"}, {[2]byte{1, 2}, "b'\\1\\2'"},
		{[]int{1, 2}, "[1, 2]"}, {[]int32{-1}, "[-1]"}, {[]int(nil), "None"}, {[]int{}, "[]"},
		{[]float64{1.5}, "[1.5]"}, {[]string{"a", ""}, "['a', '']"}, {[]bool{true}, "[True]"},
		{[2]int{1, 2}, "[1, 2]"}, {[][]int{{1}, nil}, "[[1], None]"},
		{[]any{1, "a", nil}, "[1, 'a', None]"}, {[]celsius{1}, "[1.0]"},
		{pyhost.Tuple{1, pyhost.Tuple{}}, "(1, ())"}, {pyhost.Set{1, "a"}, "{1, 'a'}"},
		{map[string]struct{}{"a": {}}, "{'a'}"}, {map[string]int{"a": 1}, "{'a': 1}"},
		{map[int]bool{1: true}, "{1: True}"}, {map[bool]int{true: 1}, "{True: 1}"},
		{map[point]string{{1, 2}: "p"}, "{(1, 2): 'p'}"},
		{map[[2]int]int{{1, 2}: 3}, "{(1, 2): 3}"},
		{map[any]any{1: 2, "s": nil, point{1, 2}: 3}, "{1: 2, 's': None, (1, 2): 3}"},
		{map[string]int(nil), "None"}, {pair[string]{"a", "b"}, "{'A': 'a', 'B': 'b'}"},
		{struct{}{}, "{}"}, {&point{1, 2}, "{'x': 1, 'y': 2}"}, {(*point)(nil), "None"},
		{outer{base: base{7}, Name: "n", private: nil}, "{'ID': 7, 'name': 'n'}"},
		{outer{Place: &Place{1, 2}, Name: "n", Tags: []string{"t"}, Next: &outer{},
			Extra: map[string]any{"k": []int{1}}, Skipped: 5},
			"{'ID': 0, 'x': 1, 'y': 2, 'name': 'n', 'tags': ['t'], " +
				"'next': {'ID': 0, 'name': ''}, 'extra': {'k': [1]}}"},
		{moment, "datetime.datetime(2024, 7, 1, 12, 30, 0, 123456, datetime.timezone.utc)"},
		{moment.In(paris), "datetime.datetime(2024, 7, 1, 14, 30, 0, 123456, " +
			"zoneinfo.ZoneInfo('Europe/Paris'))"},
		{moment.In(time.FixedZone("", -5400)), "datetime.datetime(2024, 7, 1, 11, 0, 0, 123456, " +
			"datetime.timezone(datetime.timedelta(minutes=-90)))"},
		{time.Time{}, "datetime.datetime(1, 1, 1, tzinfo=datetime.timezone.utc)"},
		{-1500 * time.Millisecond, "datetime.timedelta(seconds=-1.5)"},
		{[]time.Duration{time.Second}, "[datetime.timedelta(seconds=1)]"},
		{big.NewRat(1, 3), "fractions.Fraction(1, 3)"},
		{pyhost.Decimal("1.10"), "decimal.Decimal('1.10')"},
		{UUID(uuid), "uuid.UUID('12345678' * 4)"}, {uuid, "bytes.fromhex('12345678' * 4)"},
		{netip.MustParseAddr("::1"), "'::1'"}, {roman(3), "'III'"}, {[]roman{1}, "['I']"},
		{map[roman]int{2: 1}, "{'II': 1}"}, {map[UUID]int{UUID(uuid): 1},
			"{uuid.UUID('12345678' * 4): 1}"},
	} {
		t.Run(fmt.Sprintf("%T %.40s", c.v, c.want), func(t *testing.T) {
			require.NoError(t, rt.Call(bg, "same", nil, c.v, c.want))
		})
	}
}

// into evaluates an expression into a T.
func into[T any](want T) func(t *testing.T, expr string) {
	return func(t *testing.T, expr string) {
		got, err := pyhost.Eval[T](bg, rt, expr)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
}

// What a Python value is in Go, by target.
func TestPythonValuesInGo(t *testing.T) {
	mustExec(t, variety)
	third := big.NewRat(1, 3)
	for expr, checks := range map[string][]func(*testing.T, string){
		"None": {
			into[any](nil),
			into[*int](nil),
			into[[]int](nil),
			into(map[int]int(nil)),
		},
		"Level.LOW":     {into[any](int64(1)), into(1), into(uint8(1))},
		"Perm.R|Perm.W": {into[any](int64(3)), into(3)},
		"Color.RED":     {into[any]("red"), into("red")},
		"Int(7)":        {into[any](int64(7)), into(7), into(7.0)},
		"Real(1.5)":     {into[any](1.5), into(float32(1.5))},
		"Text('é')":     {into[any]("é"), into("é")},
		"1-2j":          {into[any](1 - 2i), into(complex64(1 - 2i))},
		"3": {
			into(3 + 0i),
			into(celsius(3)),
			into(big.NewInt(3)),
			into(big.NewRat(3, 1)),
		},
		"2**70": {
			into(new(big.Int).Lsh(big.NewInt(1), 70)),
			into(pyhost.Decimal("1180591620717411303424")),
		},
		"0.5": {into(big.NewRat(1, 2)), into[*float64](new(0.5))},
		"[1, 2]": {
			into([]int{1, 2}),
			into([2]int8{1, 2}),
			into([]any{int64(1), int64(2)}),
			into([]float32{1, 2}),
		},
		"(1, 'a')": {
			into[any](pyhost.Tuple{int64(1), "a"}),
			into([]any{int64(1), "a"}),
		},
		"List([1])": {into([]int{1}), into[any]([]any{int64(1)})},
		"Dict(a=1)": {
			into(map[string]int{"a": 1}),
			into[any](map[string]any{"a": int64(1)}),
		},
		"collections.OrderedDict(a=1)":      {into(map[string]int{"a": 1})},
		"collections.defaultdict(int, x=1)": {into(map[string]int{"x": 1}), into(point{X: 1})},
		"collections.ChainMap({'x': 1})":    {into(map[string]int{"x": 1})},
		"{1, 2} - {2}": {
			into[any](pyhost.Set{int64(1)}),
			into([]int{1}),
			into(map[int]struct{}{1: {}}),
		},
		"frozenset('a')": {into[any](pyhost.Set{"a"}), into(pyhost.Set{"a"})},
		"{(1, 2): 'p'}": {
			into(map[point]string{{1, 2}: "p"}),
			into(map[[2]int]string{{1, 2}: "p"}),
			into[any](map[any]any{[2]any{int64(1), int64(2)}: "p"}),
		},
		"{Data(1, 2): 'p'}": {into(map[point]string{{1, 2}: "p"})},
		"{True: 1}":         {into(map[bool]int{true: 1})},
		"{b'a': 1}": {
			into(map[[1]byte]int{{'a'}: 1}),
			into[any](map[any]any{"a": int64(1)}),
		},
		"Point(1, 2)": {
			into(point{1, 2}),
			into([]int{1, 2}),
			into[any](pyhost.Tuple{int64(1), int64(2)}),
		},
		"(1, 2)":                         {into(point{1, 2}), into(&point{1, 2})},
		"Data(1, 2)":                     {into(point{1, 2}), into(&point{1, 2})},
		"Slots()":                        {into(point{3, 4})},
		"Lazy()":                         {into(point{5, 6})},
		"[Data(1, 2), {'x': 1}, (3, 4)]": {into([]point{{1, 2}, {1, 0}, {3, 4}})},
		"{'x': 1, 'other': object()}":    {into(point{X: 1})},
		"{'ID': 1, 'x': 2, 'name': 'n', 'next': {'name': 'm'}}": {
			into(outer{base: base{1}, Place: &Place{X: 2}, Name: "n", Next: &outer{Name: "m"}})},
		"range(3)": {
			into([]int{0, 1, 2}),
			into([3]int8{0, 1, 2}),
			into([]byte{0, 1, 2}),
		},
		"{'a': 1}.keys()":            {into([]string{"a"})},
		"{'a': 1}.items()":           {into([]pyhost.Tuple{{"a", int64(1)}})},
		"(i * .5 for i in range(3))": {into([]float64{0, .5, 1})},
		"iter([b'a'])":               {into([][]byte{[]byte("a")})},
		"map(str, [1])":              {into([]string{"1"}), into([]any{"1"})},
		"bytearray(b'ab')": {
			into[any]([]byte("ab")),
			into([]byte("ab")),
			into([2]byte{'a', 'b'}),
		},
		"memoryview(b'ab')": {
			into([]byte("ab")),
			into([]int{'a', 'b'}),
			into([2]byte{'a', 'b'}),
		},
		"array.array('i', [1, -2])": {
			into([]int32{1, -2}),
			into([]int{1, -2}),
			into([]float64{1, -2}),
			into([2]int64{1, -2}),
			into([]any{int64(1), int64(-2)}),
		},
		"array.array('d', [.5])": {into([]float64{.5}), into([]complex128{.5})},
		"memoryview(array.array('H', range(6))).cast('B').cast('H', [2, 3])": {
			into([][]uint16{{0, 1, 2}, {3, 4, 5}}), into([2][3]int{{0, 1, 2}, {3, 4, 5}}),
			into([]any{[]any{int64(0), int64(1), int64(2)}, []any{int64(3), int64(4), int64(5)}})},
		"memoryview(b'ab').cast('c')": {into([]byte("ab"))},
		"memoryview(b'abcdef')[::2]":  {into([]byte("ace"))},
		"decimal.Decimal('1.10')": {
			into("1.10"),
			into(big.NewRat(11, 10)),
			into(pyhost.Decimal("1.10")),
		},
		"fractions.Fraction(1, 3)":         {into("1/3"), into(third), into(*third)},
		"pathlib.PurePosixPath('/a', 'b')": {into("/a/b")},
		"uuid.UUID('12345678' * 4)": {
			into(uuid),
			into(UUID(uuid)),
			into("12345678-1234-5678-1234-567812345678"),
		},
		"datetime.timedelta(days=-1)": {into[any](-24 * time.Hour), into(-24 * time.Hour)},
		"'::1'":                       {into(netip.MustParseAddr("::1"))},
		"'III'":                       {into(roman(3)), into([]roman{3}[0])},
		"{'I': 1}":                    {into(map[roman]int{1: 1})},
	} {
		for _, check := range checks {
			t.Run(expr, func(t *testing.T) { check(t, expr) })
		}
	}
}

func TestTimes(t *testing.T) {
	mustExec(t, variety)
	const m = "datetime.datetime(2024, 7, 1, 12, 30, 0, 123456"
	for expr, want := range map[string]time.Time{
		m + ")":                        moment,
		m + ", datetime.timezone.utc)": moment,
		m + ", zoneinfo.ZoneInfo('Europe/Paris'))": moment.Add(-2 * time.Hour).In(paris),
		m + ", datetime.timezone(datetime.timedelta(hours=-3)))": moment.Add(3 * time.Hour).
			In(time.FixedZone("", -3*3600)),
		// An hour that comes twice: fold tells which.
		"datetime.datetime(2024, 10, 27, 2, 30, 0, 0, zoneinfo.ZoneInfo('Europe/Paris'), " +
			"fold=1)": time.Date(2024, 10, 27, 1, 30, 0, 0, time.UTC).In(paris),
		"datetime.date(2024, 7, 1)": time.Date(2024, 7, 1, 0, 0, 0, 0, time.UTC),
		"datetime.time(12, 30)":     time.Date(1, 1, 1, 12, 30, 0, 0, time.UTC),
		"datetime.datetime.max":     time.Date(9999, 12, 31, 23, 59, 59, 999999000, time.UTC),
		"datetime.datetime.min":     time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC),
	} {
		t.Run(expr, func(t *testing.T) {
			for _, get := range []func() (time.Time, error){
				func() (time.Time, error) { return pyhost.Eval[time.Time](bg, rt, expr) },
				func() (time.Time, error) {
					v, err := pyhost.Eval[any](bg, rt, expr)
					got, _ := v.(time.Time)
					return got, err
				},
			} {
				got, err := get()
				require.NoError(t, err)
				require.True(t, want.Equal(got), "%v is not %v", got, want)
				require.Equal(t, want.Format(time.RFC3339Nano), got.Format(time.RFC3339Nano))
				if want.Location() == paris {
					require.Equal(t, "Europe/Paris", got.Location().String())
				}
			}
		})
	}
	for _, loc := range []*time.Location{time.UTC, paris, time.Local, time.FixedZone("X", 5)} {
		sent := moment.In(loc)
		got, err := pyhost.Call[time.Time](bg, rt, "max", sent, sent)
		require.NoError(t, err)
		require.True(t, sent.Equal(got))
	}
	require.ErrorIs(t, rt.Call(bg, "id", nil, time.Date(20000, 1, 1, 0, 0, 0, 0, time.UTC)),
		pyhost.OverflowError)
}

func TestNumpyValues(t *testing.T) {
	needNumpy(t)
	mustExec(t, "import numpy as np")
	for expr, checks := range map[string][]func(*testing.T, string){
		"np.int64(3)": {
			into[any](int64(3)),
			into(3),
			into(uint8(3)),
			into(3.0),
		},
		"np.uint64(2**64 - 1)": {into(uint64(math.MaxUint64))},
		"np.float32(.5)":       {into[any](.5), into(.5), into(float32(.5))},
		"np.float64(.5)":       {into(.5)},
		"np.longdouble(2)":     {into(2.0)},
		"np.bool_(True)":       {into[any](true), into(true)},
		"np.str_('a')":         {into("a")},
		"np.complex64(1j)":     {into(1i)},
		"np.datetime64('2024-07-01T12:30:00')": {
			into(time.Date(2024, 7, 1, 12, 30, 0, 0, time.UTC)),
		},
		"np.timedelta64(90, 's')": {into(90 * time.Second)},
		"np.arange(3)": {
			into([]int64{0, 1, 2}),
			into([]int{0, 1, 2}),
			into([]float32{0, 1, 2}),
			into([3]uint8{0, 1, 2}),
		},
		"np.arange(3, dtype='>i4')": {into([]int{0, 1, 2})},
		"np.arange(6.)[::-2]":       {into([]float64{5, 3, 1})},
		"np.eye(2)": {
			into([][]float64{{1, 0}, {0, 1}}),
			into([2][2]float32{{1, 0}, {0, 1}}),
		},
		"np.asfortranarray([[1, 2], [3, 4]])": {into([][]int{{1, 2}, {3, 4}})},
		"np.float16([.5, np.inf, -2, 6e-8])": {
			into([]float64{.5, math.Inf(1), -2, math.Ldexp(1, -24)})},
		"np.array([True, False])":    {into([]bool{true, false})},
		"np.array([1j])":             {into([]complex128{1i})},
		"np.array(['a', 'bc'])":      {into([]string{"a", "bc"})},
		"np.array([{'x': 1}, None])": {into([]*point{{X: 1}, nil})},
		"np.array(['2024-07-01'], 'M8[D]')": {
			into([]time.Time{time.Date(2024, 7, 1, 0, 0, 0, 0, time.UTC)})},
		"np.array([(1, 2)], 'i4,f4')": {into([]pyhost.Tuple{{int64(1), 2.0}})},
		"np.zeros((0, 3))":            {into([][]float64{})},
		"np.uint8([1, 2])":            {into([]byte{1, 2})},
	} {
		for _, check := range checks {
			t.Run(expr, func(t *testing.T) { check(t, expr) })
		}
	}
	_, err := pyhost.Eval[[]int8](bg, rt, "np.arange(300)")
	require.ErrorContains(t, err, "result[128]: 128 overflows int8")
	_, err = pyhost.Eval[[]float64](bg, rt, "np.eye(2)")
	require.ErrorContains(t, err, "array of 2 dimensions into []float64")
	_, err = pyhost.Eval[[]int](bg, rt, "np.ones(2)")
	require.ErrorContains(t, err, "result[0]: float into int")
}
