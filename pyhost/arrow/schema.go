package arrow

import (
	"context"
	"fmt"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/cdata"

	"github.com/pyhost/pyhost/cgo"
	"github.com/pyhost/pyhost/pyhost"
)

// Schema is a schema on its way to Python or from there. It is copied.
type Schema struct{ *arrow.Schema }

// MarshalPython makes an object with __arrow_c_schema__.
func (s Schema) MarshalPython() (any, error) {
	if s.Schema == nil {
		return nil, nil
	}
	return (&offer{kind: "arrow_schema", schema: s.Schema}).made(), nil
}

// UnmarshalPython takes an object with __arrow_c_schema__.
func (s *Schema) UnmarshalPython(v any) error { return unmarshal(v, &s.Schema, SchemaOf) }

// SchemaOf is the schema of an object with __arrow_c_schema__. The Ref stays the caller's. Any
// goroutine may call it.
func SchemaOf(ctx context.Context, ref *pyhost.Ref) (schema *arrow.Schema, err error) {
	err = ask(ctx, ref, "__arrow_c_schema__", func(_ *pyhost.Thread, o *pyhost.Object) error {
		var s cdata.CArrowSchema
		err := cgo.TakeArrow(cgo.ArrowSchema, o.Pointer(), unsafe.Pointer(&s))
		if err != nil {
			return badCapsule(cgo.ArrowSchema, err)
		}
		schema, err = importSchema(&s)
		return err
	})
	return schema, err
}

// importSchema copies the schema and releases it. The caller is attached.
func importSchema(s *cdata.CArrowSchema) (*arrow.Schema, error) {
	schema, err := cdata.ImportCArrowSchema(s)
	if err != nil {
		return nil, fmt.Errorf("pyhost/arrow: schema: %w", err)
	}
	return schema, nil
}
