//go:build !race

package export

// stride is how many lines of the data sets a test takes one of.
const stride = 16
