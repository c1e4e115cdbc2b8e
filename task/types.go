package task

import "slices"

// types is the table of all task types. Nobody changes it.
var types = []Type{classification{}, multiLabel{}, tagging{}, regression{}, counting{}, relation{}, ordinal{}}

// Types returns all task types, in the order in which messages name them.
func Types() []Type { return slices.Clone(types) }
