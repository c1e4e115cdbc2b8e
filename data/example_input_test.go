package data_test

import (
	"fmt"
	"io"

	"espalier/data"
	"espalier/data/source"
	"espalier/schema"
)

// mail is examples of a program's own, which are in no file.
type mail []map[string]string

// Open starts again at the first one.
func (m mail) Open([]string) (source.Reader, error) { return &mailReader{left: m}, nil }

// String names them in messages.
func (m mail) String() string { return "mail" }

type mailReader struct {
	left mail
	read int
}

func (r *mailReader) Next() (*source.Record, error) {
	if len(r.left) == 0 {
		return nil, io.EOF
	}
	fields := map[string]source.Field{}
	for name, text := range r.left[0] {
		fields[name] = source.Field{Text: text}
	}
	r.left, r.read = r.left[1:], r.read+1
	return &source.Record{File: "mail", Line: r.read, Fields: fields}, nil
}

func (r *mailReader) Close() error { return nil }

// An encoder learns from any reader: here one of records in memory.
func ExampleEncoder_Learn() {
	e, err := data.NewEncoder(&schema.Schema{
		Inputs: []schema.Input{{Name: "text", Type: schema.Text, Tokenizer: "whitespace"}},
		Tasks:  []schema.Task{{Name: "topic", Type: schema.Classification}, {Name: "urgency", Type: schema.Regression}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	err = e.Learn(mail{
		{"text": "the server is down", "topic": "fault", "urgency": "9"},
		{"text": "where is my invoice", "topic": "billing", "urgency": "3"},
		{"text": "thanks", "urgency": "0"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	set, err := e.Encode(mail{{"text": "the invoice", "topic": "billing"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(e.Schema().Tasks[0].Labels, set.Len(), set.Labelled(0), set.Labelled(1))
	_, err = e.Encode(mail{{"text": "the invoice"}, {"text": "hello", "urgency": "very"}})
	fmt.Println(err)
	// Output:
	// [billing fault] 1 1 0
	// mail:2: task "urgency" is regression, "very" is not a finite number
}
