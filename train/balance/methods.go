package balance

// methods is the table of all methods: those that weigh losses, those that
// combine gradients, those that need more batches.
func methods() []*Method {
	return []*Method{
		&equal, &fixed, &rlw, &uncertainty, &uwso, &imtll, &dwa, &gls, &stch, &famo,
		&gradnorm, &mgda, &pcgrad, &gradvac, &graddrop, &cagrad, &imtlg, &nashmtl, &fairgrad, &alignedmtl,
		&upgrad, &dualproj, &conflictfree, &dbmtl, &moco, &excessmtl,
		&modo, &sdmgrad,
	}
}
