package export

import (
	"espalier/builder"
	"espalier/input"
	"espalier/models"
	"espalier/schema"
	"espalier/text"
)

// front makes the part of a graph that reads inputs as a caller has them, and gives the
// model what it reads. There is one for a text and one for columns.
type front interface {
	build(g *builder.Graph) (models.Front, error)
	// describe writes into the schema how the inputs are read, once they are built. It
	// returns outputs of the file beside those of tasks.
	describe() []builder.Output
}

// frontOf returns the front of a model's inputs.
func frontOf(inputs []schema.Input, vocabulary *text.Vocabulary) (front, error) {
	if input.TraitsOf(&inputs[0]).Column() {
		return columnFront(inputs), nil
	}
	return newTextFront(&inputs[0], vocabulary)
}

// columnsAsGiven is the table of what reads each kind of columns as they stand in a table.
func columnsAsGiven() map[input.Form]func(g *builder.Graph, in *schema.Input) *builder.Value {
	return map[input.Form]func(g *builder.Graph, in *schema.Input) *builder.Value{input.Number: givenNumber, input.Value: givenValue}
}
