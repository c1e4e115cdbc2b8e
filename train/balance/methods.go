package balance

// methods is the table of all methods, those that weigh losses first.
func methods() []*Method {
	return []*Method{
		&equal, &fixed, &uncertainty, &dwa,
		&mgda, &pcgrad, &cagrad,
	}
}
