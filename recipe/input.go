package recipe

import (
	"slices"

	"espalier/input"
	"espalier/schema"
	"espalier/setting"
)

// kind is the input's kind, nil before it is known to be one.
func (i *Input) kind() input.Kind { return input.Of(schema.InputType(i.Type)) }

// column reports whether the input is a column of a table.
func (i *Input) column() bool {
	k := i.kind()
	return k != nil && k.Traits().Column()
}

// tabular reports whether the recipe's model reads columns of a table.
func (r *Recipe) tabular() bool { return len(r.Inputs) > 0 && r.Inputs[0].column() }

// schema returns the input of the schema; what is learned of it is missing.
func (i *Input) schema() schema.Input {
	// A numeric column has no min_count, but files have one of each column.
	of := schema.Input{Name: i.Name, Type: schema.InputType(i.Type), MinCount: i.MinCount}
	if k := i.kind(); k != nil {
		k.Configure(setting.Of(k.Options(), i), &of)
	}
	return of
}

// inputKeys are the keys of kinds of columns, or of others, which are not also the other's.
func inputKeys(columns bool) []string {
	var own, others []setting.Option
	for _, k := range input.Kinds() {
		if k.Traits().Column() == columns {
			own = append(own, k.Options()...)
		} else {
			others = append(others, k.Options()...)
		}
	}
	return slices.DeleteFunc(setting.Keys(own), func(key string) bool { return slices.Contains(setting.Keys(others), key) })
}

// columnKinds are the names of the kinds of columns.
func columnKinds() []string {
	var names []string
	for _, k := range input.Kinds() {
		if k.Traits().Column() {
			names = append(names, string(k.Name()))
		}
	}
	return names
}
