package pyhost_test

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/big"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/pyhost"
)

// source makes values of the bytes that the fuzzer gives.
type source struct{ b []byte }

func (s *source) byte() byte {
	if len(s.b) == 0 {
		return 0
	}
	c := s.b[0]
	s.b = s.b[1:]
	return c
}

func (s *source) bytes(n int) []byte {
	n = min(n, len(s.b))
	b := s.b[:n]
	s.b = s.b[n:]
	return b
}

func (s *source) word() uint64 {
	var b [8]byte
	copy(b[:], s.bytes(8))
	return binary.LittleEndian.Uint64(b[:])
}

func (s *source) text() string { return string(s.bytes(int(s.byte()) * 3 / 2)) }

// scalar is what can be a key, and a member of a set, too.
func (s *source) scalar() any {
	switch s.byte() % 9 {
	case 0:
		return s.byte()&1 == 0
	case 1:
		return int64(s.word())
	case 2:
		return math.Float64frombits(s.word())
	case 3:
		n := new(big.Int).SetBytes(s.bytes(int(s.byte())))
		if s.byte()&1 == 0 {
			n.Neg(n)
		}
		if n.IsInt64() {
			return n.Int64()
		}
		return n
	case 4:
		return time.UnixMicro(int64(s.word()) % (1 << 55)).UTC()
	case 5:
		return time.Duration(int64(s.word())).Truncate(time.Microsecond)
	case 6:
		return complex(math.Float64frombits(s.word()), float64(s.byte()))
	case 7:
		return nil
	}
	return s.text()
}

func (s *source) value(depth int) any {
	kind := s.byte()
	if depth > 8 || len(s.b) == 0 {
		return s.scalar()
	}
	n := int(s.byte()) % 20
	switch kind % 12 {
	case 0:
		return append([]byte{}, s.bytes(int(s.byte()))...)
	case 1:
		list := make([]any, n)
		for i := range list {
			list[i] = s.value(depth + 1)
		}
		return list
	case 2:
		t := make(pyhost.Tuple, n)
		for i := range t {
			t[i] = s.value(depth + 1)
		}
		return t
	case 3:
		m := map[string]any{}
		for range n {
			m[s.text()] = s.value(depth + 1)
		}
		return m
	case 4:
		return pyhost.Set{s.scalar()}
	}
	return s.scalar()
}

// same is equality with NaN equal to itself, -0 to itself only, and instants equal wherever.
func same(a, b any) bool {
	switch a := a.(type) {
	case float64:
		b, ok := b.(float64)
		return ok && (math.Float64bits(a) == math.Float64bits(b) || a != a && b != b)
	case complex128:
		b, ok := b.(complex128)
		return ok && same(real(a), real(b)) && same(imag(a), imag(b))
	case time.Time:
		b, ok := b.(time.Time)
		return ok && a.Equal(b)
	case *big.Int:
		b, ok := b.(*big.Int)
		return ok && a.Cmp(b) == 0
	case []byte:
		b, ok := b.([]byte)
		return ok && bytes.Equal(a, b)
	case map[string]any:
		b, ok := b.(map[string]any)
		ok = ok && len(a) == len(b)
		for k, v := range a {
			ok = ok && same(v, b[k])
		}
		return ok
	}
	av, bv := reflect.ValueOf(a), reflect.ValueOf(b)
	if av.Kind() != reflect.Slice {
		return a == b
	}
	ok := av.Type() == bv.Type() && av.Len() == bv.Len()
	for i := 0; ok && i < av.Len(); i++ {
		ok = same(av.Index(i).Interface(), bv.Index(i).Interface())
	}
	return ok
}

// What goes in comes out equal.
func FuzzRoundTrip(f *testing.F) {
	f.Add([]byte("\x01\x05\x01\x00\x02abcdefgh\x03\x04\x08\x05hello"))
	f.Add(bytes.Repeat([]byte{1, 3}, 20))
	f.Add(append([]byte{3, 4}, bytes.Repeat([]byte{0xff, 0xd8, 0x80, 7, 1}, 60)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		v := (&source{b}).value(0)
		var got any
		err := rt.Call(bg, "_pyhost.same", &got, v)
		if err != nil { // of years that Python has no dates for
			require.ErrorIs(t, err, pyhost.OverflowError)
			return
		}
		require.True(t, same(v, got), "%#v is not %#v", got, v)
	})
}

// A buffer that nobody has encoded is an error, or a value that can go on its way.
func FuzzUnpack(f *testing.F) {
	for _, v := range []any{nil, 1, 1.5, "text", []byte{1}, []any{1, "a", pyhost.Tuple{2}}, 1i,
		map[string]any{"A": 1, "b": []string{"x"}}, pyhost.Set{1}, time.Now(), time.Second,
		big.NewRat(1, 3), new(big.Int).Lsh(big.NewInt(1), 99), pyhost.Decimal("1"), UUID{1},
		[]float64{1}, []stated{{}, {Name: "b", Tags: []string{"c"}}, {}}} {
		b, err := pyhost.Encoded(v)
		require.NoError(f, err)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var got, again any
		if pyhost.Echo(rt, b, &got) != nil {
			return
		}
		b, err := pyhost.Encoded(got)
		if err != nil { // it had an object in it
			return
		}
		require.NoError(t, pyhost.Echo(rt, b, &again))
	})
}
