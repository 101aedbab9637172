package arrow_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/stretchr/testify/require"

	"github.com/pyhost/pyhost/pyhost"
	pyarrow "github.com/pyhost/pyhost/pyhost/arrow"
)

// columns are types and the JSON of three values each.
var columns = []struct {
	typ    arrow.DataType
	values string
}{
	{arrow.Null, `null, null, null`},
	{arrow.FixedWidthTypes.Boolean, `true, null, false`},
	{arrow.PrimitiveTypes.Int8, `-1, null, 7`},
	{arrow.PrimitiveTypes.Uint64, `1, null, 18446744073709551615`},
	{arrow.PrimitiveTypes.Float32, `1.5, null, -2`},
	{arrow.PrimitiveTypes.Float64, `1.5, 0, -2`},
	{arrow.BinaryTypes.String, `"a", null, "grüße"`},
	{arrow.BinaryTypes.LargeString, `"a", null, "b"`},
	{arrow.BinaryTypes.StringView, `"a", null, "a text that is longer than twelve bytes"`},
	{arrow.BinaryTypes.Binary, `"YQ==", null, ""`},
	{&arrow.FixedSizeBinaryType{ByteWidth: 2}, `"YWI=", null, "Y2Q="`},
	{arrow.FixedWidthTypes.Date32, `"2026-01-31", null, "1969-12-31"`},
	{arrow.FixedWidthTypes.Timestamp_us,
		`"2026-01-31 10:00:00.000001Z", null, "1969-12-31 23:59:59Z"`},
	{arrow.FixedWidthTypes.Time64us, `"10:00:00.000001", null, "23:59:59"`},
	{arrow.FixedWidthTypes.Duration_ms, `1, null, -3`},
	{&arrow.Decimal128Type{Precision: 10, Scale: 2}, `"1.25", null, "-3.00"`},
	{arrow.ListOf(arrow.PrimitiveTypes.Int32), `[1, 2], null, []`},
	{arrow.LargeListOf(arrow.BinaryTypes.String), `["a"], null, ["b", null]`},
	{arrow.FixedSizeListOf(2, arrow.PrimitiveTypes.Int16), `[1, 2], null, [3, 4]`},
	{arrow.MapOf(arrow.BinaryTypes.String, arrow.PrimitiveTypes.Int64),
		`[{"key": "k", "value": 1}], null, []`},
	{arrow.StructOf(
		arrow.Field{Name: "x", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
		arrow.Field{Name: "y", Type: arrow.ListOf(arrow.BinaryTypes.String), Nullable: true},
	), `{"x": 1, "y": ["a"]}, null, {"x": null, "y": null}`},
	{&arrow.DictionaryType{
		IndexType: arrow.PrimitiveTypes.Int8, ValueType: arrow.BinaryTypes.String,
	}, `"a", null, "a"`},
}

// Every type of column crosses and comes back equal, whole and in part.
func TestTypes(t *testing.T) {
	for _, c := range columns {
		crossesBy(t, "same", batchOf(t, c.typ, c.values))
	}
}

func batchOf(t *testing.T, typ arrow.DataType, values string) arrow.RecordBatch {
	t.Helper()
	s := arrow.NewSchema([]arrow.Field{{Name: "c", Type: typ, Nullable: true}}, nil)
	rows := []string{}
	for _, v := range split(values) {
		rows = append(rows, `{"c": `+v+`}`)
	}
	b, _, err := array.RecordFromJSON(memory.DefaultAllocator, s,
		strings.NewReader("["+strings.Join(rows, ",")+"]"))
	require.NoError(t, err, "%v", typ)
	return b
}

// crossesBy passes the batch, and parts of it, to a function that returns it; and releases it.
func crossesBy(t *testing.T, function string, b arrow.RecordBatch) {
	t.Helper()
	defer b.Release()
	for _, part := range []arrow.RecordBatch{b, b.NewSlice(1, 3), b.NewSlice(3, 3)} {
		back, err := pyhost.Call[pyarrow.Batch](bg, rt, function, pyarrow.Batch{RecordBatch: part})
		require.NoError(t, err, "%v", b.Schema())
		require.True(t, array.RecordEqual(part, back), "%v is not %v", back, part)
		require.True(t, b.Schema().Equal(back.Schema()), "%v", back.Schema())
		back.Release()
	}
}

func TestUnions(t *testing.T) {
	fields := []arrow.Field{{Name: "n", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
		{Name: "s", Type: arrow.BinaryTypes.String, Nullable: true}}
	codes := []arrow.UnionTypeCode{0, 1}
	for _, typ := range []arrow.UnionType{
		arrow.SparseUnionOf(fields, codes), arrow.DenseUnionOf(fields, codes),
	} {
		builder := array.NewBuilder(memory.DefaultAllocator, typ).(array.UnionBuilder)
		n, s := builder.Child(0).(*array.Int64Builder), builder.Child(1).(*array.StringBuilder)
		for i, code := range []arrow.UnionTypeCode{0, 1, 0} {
			builder.Append(code)
			if code == 0 {
				n.Append(int64(i))
			} else {
				s.Append("x")
			}
			if typ.Mode() == arrow.SparseMode {
				[]array.Builder{s, n}[code].AppendNull()
			}
		}
		column := builder.NewArray()
		b := array.NewRecordBatch(arrow.NewSchema([]arrow.Field{{Name: "u", Type: typ,
			Nullable: true}}, nil), []arrow.Array{column}, 3)
		crossesBy(t, "same", b)
		column.Release()
		builder.Release()
	}
}

// split cuts at the commas that are not inside brackets.
func split(values string) (out []string) {
	depth, from := 0, 0
	for i, r := range values {
		switch {
		case strings.ContainsRune("[{", r):
			depth++
		case strings.ContainsRune("]}", r):
			depth--
		case r == ',' && depth == 0:
			out = append(out, values[from:i])
			from = i + 1
		}
	}
	return append(out, values[from:])
}

// points is an extension type of lists.
type points struct{ arrow.ExtensionBase }

type pointsArray struct{ array.ExtensionArrayBase }

func (*points) ArrayType() reflect.Type                    { return reflect.TypeFor[pointsArray]() }
func (*points) ExtensionName() string                      { return "test.points" }
func (*points) Serialize() string                          { return "v1" }
func (p *points) ExtensionEquals(arrow.ExtensionType) bool { return true }
func (p *points) Deserialize(arrow.DataType, string) (arrow.ExtensionType, error) {
	return p, nil
}

// An extension type crosses as its storage, with its name in the field's metadata.
func TestExtension(t *testing.T) {
	typ := &points{arrow.ExtensionBase{Storage: arrow.ListOf(arrow.PrimitiveTypes.Int64)}}
	builder := array.NewListBuilder(memory.DefaultAllocator, arrow.PrimitiveTypes.Int64)
	defer builder.Release()
	builder.Append(true)
	builder.ValueBuilder().(*array.Int64Builder).AppendValues([]int64{1, 2}, nil)
	list := builder.NewArray()
	defer list.Release()
	column := array.NewExtensionArrayWithStorage(typ, list)
	defer column.Release()
	s := arrow.NewSchema([]arrow.Field{{Name: "p", Type: typ}}, nil)
	b := array.NewRecordBatch(s, []arrow.Array{column}, 1)
	defer b.Release()
	back, err := pyhost.Call[pyarrow.Batch](bg, rt, "same", pyarrow.Batch{RecordBatch: b})
	require.NoError(t, err)
	defer back.Release()
	require.True(t, array.Equal(list, back.Column(0)), "%v", back)
	name, _ := back.Schema().Field(0).Metadata.GetValue("ARROW:extension:name")
	require.Equal(t, "test.points", name)
}
