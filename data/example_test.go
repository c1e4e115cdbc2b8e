package data

import (
	"fmt"

	"espalier/data/source"
	"espalier/schema"
	"espalier/task"
)

func ExampleEncoder() {
	fsys := files("train.tsv", "text\ttopic\nplay some jazz\tmusic\nwho won the match\tsport\n")
	sources := source.List{{Format: "tsv", File: "train.tsv", FS: fsys}}
	e, err := NewEncoder(&schema.Schema{
		Inputs: []schema.Input{{Name: "text", Type: schema.Text, Tokenizer: "whitespace"}},
		Tasks:  []schema.Task{{Name: "topic", Type: schema.Classification}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := e.Learn(sources); err != nil {
		fmt.Println(err)
		return
	}
	set, err := e.Encode(sources)
	if err != nil {
		fmt.Println(err)
		return
	}
	var b Batch
	for _, examples := range set.Plan(BatchOptions{Size: 2}, 0) {
		set.Fill(&b, examples)
		fmt.Println(b.Int64s(schema.IDs), b.Int64s(task.LabelsInput("topic")))
	}
	// Output: [4 5 2 0 7 8 6 3] [0 1]
}
