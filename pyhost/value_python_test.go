package pyhost_test

import (
	"math"
	"math/big"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/pyhost"
)

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
