package input

import "slices"

// kinds is the table of all kinds, in the order in which messages name them. Nobody
// changes it. It is no function, so that asking for traits allocates nothing.
var kinds = [...]Kind{texts{}, numeric{}, categorical{}, numbers{}}

// Kinds returns all kinds of inputs, in the order in which messages name them.
func Kinds() []Kind { return slices.Clone(kinds[:]) }
