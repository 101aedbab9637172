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
