package task

// Types returns all task types, in the order in which messages name them.
func Types() []Type {
	return []Type{classification{}, multiLabel{}, tagging{}, regression{}, counting{}, relation{}, ordinal{}}
}
