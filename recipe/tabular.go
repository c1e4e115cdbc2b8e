package recipe

import (
	"reflect"
	"slices"
	"strings"

	"espalier/setting"
)

// Columns are inputs that need no settings, by name.
type Columns struct {
	Numeric     []string `key:"numeric,omitempty"`
	Categorical []string `key:"categorical,omitempty"`
}

// Split divides the examples of data.all by chance. Train, Valid and Test are
// the shares; what they leave is not used. Train and Valid must be there.
type Split struct {
	Train float64 `key:"train"`
	Valid float64 `key:"valid"`
	Test  float64 `key:"test"`
	// Seed decides which example is where; 1. It is apart from train.seed, so
	// that models of several seeds learn from the same examples.
	Seed int `key:"seed"`
	// By is a task or another field, each of whose values is divided by itself,
	// so that it is as frequent in every split.
	By string `key:"by,omitempty"`
}

// takeColumns makes inputs of the columns, which are then the same as those
// that the recipe describes one by one.
func (c *checker) takeColumns(r *Recipe) {
	given := setting.Of(columnOptions(), &r.Columns)
	for _, kind := range columnKinds() {
		for _, name := range given.Texts(kind) {
			if slices.ContainsFunc(r.Inputs, func(in Input) bool { return in.Name == name }) {
				c.fail("columns."+kind, "has %q, which is an input already", name)
			}
			in := Input{Name: name}
			setDefaults(reflect.ValueOf(&in).Elem())
			in.Type = kind
			r.Inputs = append(r.Inputs, in)
		}
	}
	r.Columns = Columns{}
}

// columns checks inputs of which one at least is a column.
func (c *checker) columns(inputs []Input) {
	for i := range inputs {
		in := &inputs[i]
		path := "inputs." + in.Name
		c.name(path, in.Name)
		if in.Field == "" {
			in.Field = in.Name
		}
		c.oneOf(path+".type", in.Type, inputSection().names()...)
		if !in.column() {
			c.fail(path+".type", "is %s, but other inputs are columns of a table; a model reads one text or a table", in.Type)
		}
		for _, key := range inputKeys(false) {
			if c.has(path + "." + key) {
				c.fail(path+"."+key, "is for inputs of type text, not for %s", in.Type)
			}
		}
		own := inputSection().own(in.Type)
		for _, key := range []string{"embedding", "min_count"} {
			if !slices.Contains(setting.Keys(own), key) && c.has(path+"."+key) {
				c.fail(path+"."+key, "is for categorical inputs; a number has no vectors")
			}
		}
		c.check(path, own, in)
		for j, text := range in.Missing {
			if in.Missing[j] = strings.TrimSpace(text); in.Missing[j] == "" || slices.Contains(in.Missing[:j], in.Missing[j]) {
				c.fail(path+".missing", "has %q, which is empty, as a missing value always may be, or stands there twice", text)
			}
		}
	}
}

// tableTrunk checks the trunk of a table.
func (c *checker) tableTrunk(t *Trunk) {
	names := trunkNames(true)
	switch {
	case !c.has("trunk.type"):
		t.Type = names[0]
	case !slices.Contains(names, t.Type):
		c.fail("trunk.type", "is %s, but the inputs are columns of a table, which %s reads", t.Type, strings.Join(names, ", "))
	}
	own := setting.Keys(trunkSection().own(names[0]))
	for _, f := range fieldsOf(reflect.ValueOf(t).Elem()) {
		if c.has("trunk."+f.name) && !slices.Contains(own, f.name) {
			c.fail("trunk."+f.name, "is for text; the trunk of a table has hidden, norm, dropout and embedding_dropout")
		}
	}
	if c.has("trunk.hidden") && t.Widths == nil { // one width
		t.Widths = []int64{t.Hidden}
	}
	if c.err == nil {
		c.encoders(t)
	}
}

// whole checks data that is divided into splits by chance.
func (c *checker) whole(d *Data) {
	for _, key := range []string{"train", "valid", "test", "holdout"} {
		if c.has("data." + key) {
			c.fail("data."+key, "is set, but so is data.all, which data.split divides; leave one of them out")
		}
	}
	s := &d.Split
	if !c.has("data.split") {
		c.fail("data.split", "is missing; say how data.all is divided, as in {train: 0.6, valid: 0.2, test: 0.2}")
	}
	for _, of := range []struct {
		name  string
		share float64
	}{{"train", s.Train}, {"valid", s.Valid}, {"test", s.Test}} {
		if !(of.share > 0 || of.name == "test" && of.share == 0) {
			c.fail("data.split."+of.name, "is %v, it must be a share above 0", of.share)
		}
	}
	if sum := s.Train + s.Valid + s.Test; sum > 1+1e-9 {
		c.fail("data.split", "has shares that add up to %v, more than there is", sum)
	}
	c.check("data.split", splitOptions(), s)
}

// DropTest takes the test data out of the recipe, and leaves the rest as it is
// divided.
func (r *Recipe) DropTest() { r.Data.Test, r.Data.Split.Test = nil, 0 }

// part returns the shares of data.all between which a split lies, and false for
// one that has none.
func (s *Split) part(split string) (from, to float64, ok bool) {
	switch split {
	case "train":
		return 0, s.Train, true
	case "valid":
		return s.Train, s.Train + s.Valid, true
	case "test":
		return s.Train + s.Valid, s.Train + s.Valid + s.Test, s.Test > 0
	}
	return 0, 0, false
}
