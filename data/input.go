package data

import (
	"fmt"

	"espalier/data/source"
	"espalier/schema"
	"espalier/task"
	"espalier/tensor"
	"espalier/text"
)

// input encodes one input of a model: it reads records, learns from those of
// training, and makes what data sets keep. Each kind is one file.
type input interface {
	// read takes what a record says of the input into an example.
	read(r *source.Record, x *example) error
	// begin forgets what was counted, count counts an example of the training data, and
	// learn completes the input from that. It returns notes for people. columns is how
	// many columns of numbers may be learned beside each other.
	begin(columns int)
	count(x *example)
	learn(records int) (notes []string, err error)
	// resume prepares an input that was learned before.
	resume() error
	// newStore returns an empty store of a data set.
	newStore(d *Dataset) store
}

// store holds one input of a data set's examples.
type store interface {
	// add adds an example, and counts what became of it.
	add(r *source.Record, x *example, stats *Stats) error
	// copy adds example i of another store of the same input.
	copy(from store, i int)
	// setSizes sets the sizes of dimensions of a batch of the examples.
	setSizes(b *tensor.Batch, examples []int)
	// fill makes the batch's tensors. Its sizes are set.
	fill(b *Batch)
}

// newInputs returns what encodes the inputs of the encoder's schema.
func (e *Encoder) newInputs(v *text.Vocabulary) error {
	for i := range e.schema.Inputs {
		in := &e.schema.Inputs[i]
		var of input
		var err error
		switch in.Type {
		case schema.Text:
			if len(e.schema.Inputs) > 1 {
				return fmt.Errorf("data: the schema must have one text input, or columns of a table alone")
			}
			e.text, err = newTextInput(in, v, e)
			of = e.text
		case schema.Numeric:
			of = &numericInput{Input: in, at: i}
		case schema.Categorical:
			of = &categoricalInput{Input: in, at: i}
		default:
			err = fmt.Errorf("data: input %q is of type %q; inputs are one text, or numeric and categorical columns", in.Name, in.Type)
		}
		if err != nil {
			return err
		}
		e.inputs = append(e.inputs, of)
	}
	if len(e.inputs) == 0 {
		return fmt.Errorf("data: the schema has no input")
	}
	for i := range e.schema.Tasks {
		t := &e.schema.Tasks[i]
		if task.Of(t.Type) == nil {
			return fmt.Errorf("data: task %q is of type %q, which is not known", t.Name, t.Type)
		}
		if e.text == nil && task.TraitsOf(t).Level != task.OfExample {
			return fmt.Errorf("data: task %q is %s, but a table's examples have no tokens", t.Name, t.Type)
		}
		if err := task.CheckEntities(e.schema, t); err != nil {
			return fmt.Errorf("data: task %q: %w", t.Name, err)
		}
	}
	return nil
}

// example is what a record says, before it is numbered.
type example struct {
	words  words
	cells  []cell        // by input, of a table
	labels []task.Labels // by task
	counts task.Counts   // of reading the labels
	from   task.Record   // what labels were read from last
}

// labelled reports whether there is a label of any task.
func (x *example) labelled() bool {
	for i := range x.labels {
		if x.labels[i].OK {
			return true
		}
	}
	return false
}

// cell is what a record says of one column.
type cell struct {
	number float64 // NaN where it is missing
	value  string  // "" where it is missing
}

// fillRows makes a tensor [batch] of a column's values.
func fillRows[T tensor.Element](b *Batch, name string, list []T) {
	var zero T
	out := tensor.Fill(&b.Batch, name, zero, len(b.Examples))
	for row, i := range b.Examples {
		out[row] = list[i]
	}
}
