//go:build unix

package atomicfile

import "os"

// syncFolder makes a rename last through a power failure.
func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
