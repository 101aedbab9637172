package arrow_test

import (
	"context"
	"fmt"
	"log"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/pyhost/pyhost/pyhost"
	pyarrow "github.com/pyhost/pyhost/pyhost/arrow"
)

var names = arrow.NewSchema([]arrow.Field{{Name: "name", Type: arrow.BinaryTypes.String}}, nil)

func batchOfNames(list ...string) arrow.RecordBatch {
	b := array.NewRecordBuilder(memory.DefaultAllocator, names)
	defer b.Release()
	b.Field(0).(*array.StringBuilder).AppendValues(list, nil)
	return b.NewRecordBatch()
}

// A batch goes to Python and back: it is the same memory all the way.
func ExampleBatch() {
	ctx := context.Background()
	err := rt.Exec(ctx, "def keep(batch):\n  global kept; kept = batch\n  return kept")
	if err != nil {
		log.Fatal(err)
	}
	in := batchOfNames("Ann", "Bob")
	var out pyarrow.Batch
	if err = rt.Call(ctx, "keep", &out, pyarrow.Batch{RecordBatch: in}); err != nil {
		log.Fatal(err)
	}
	in.Release() // Python and out have references of their own
	defer out.Release()
	fmt.Println(out.Column(0))
	// Output: ["Ann" "Bob"]
}

// A Go function takes batches from Python, and returns others.
func ExampleBatch_function() {
	ctx := context.Background()
	greet := func(b pyarrow.Batch) pyarrow.Batch {
		defer b.Release()
		var list []string
		column := b.Column(0).(*array.String)
		for i := range column.Len() {
			list = append(list, "Hello, "+column.Value(i))
		}
		return pyarrow.Batch{RecordBatch: batchOfNames(list...)}
	}
	in := batchOfNames("Ann")
	defer in.Release()
	err := rt.Module(ctx, "greetings", pyhost.Members{"greet": greet})
	if err != nil {
		log.Fatal(err)
	}
	var out pyarrow.Batch
	err = rt.Call(ctx, "greetings.greet", &out, pyarrow.Batch{RecordBatch: in})
	if err != nil {
		log.Fatal(err)
	}
	defer out.Release()
	fmt.Println(out.Column(0))
	// Output: ["Hello, Ann"]
}

// A query of polars, batch by batch. (It is not run: the bundled Python has no polars.)
func ExampleStream() {
	ctx := context.Background()
	var result pyarrow.Stream
	err := rt.Eval(ctx, `__import__("polars").read_parquet("data/*.parquet")`, &result)
	if err != nil {
		log.Fatal(err)
	}
	defer result.Release()
	for result.Next() {
		fmt.Println(result.RecordBatch().NumRows()) // valid until the next one, or retained
	}
	if err := result.Err(); err != nil {
		log.Fatal(err)
	}
}
