package pyhost

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// A probeStamp tells whether a cached answer still stands. If one of the files was replaced, one of
// these differs.
type probeStamp struct {
	Size         int64
	Modified     int64 // nanoseconds since 1970, as is VenvModified
	VenvModified int64 // of pyvenv.cfg; 0 if there is none
}

type cachedFacts struct {
	Path  string
	Stamp probeStamp
	Facts probeFacts
}

// cachedProbe is runProbe, once for each state of exe: it turns 30 ms into less than 0.1 ms.
// Failures are not kept.
func cachedProbe(ctx context.Context, exe string) (probeFacts, error) {
	info, err := os.Stat(exe)
	if err != nil {
		return probeFacts{}, err
	}
	stamp := probeStamp{Size: info.Size(), Modified: info.ModTime().UnixNano()}
	if venv, written := venvOf(exe); venv != "" {
		stamp.VenvModified = written.UnixNano()
	}
	file := probeCacheFile(exe)
	if facts, ok := readFacts(file, exe, stamp); ok {
		return facts, nil
	}
	facts, err := runProbe(ctx, exe)
	if err == nil && speaksForItself(exe, info, facts) {
		writeFacts(file, cachedFacts{exe, stamp, facts})
	}
	return facts, err
}

// speaksForItself is false for shims and scripts: which interpreter they run may depend on
// anything, so that their own file says nothing about it.
func speaksForItself(exe string, info os.FileInfo, facts probeFacts) bool {
	ran, err := os.Stat(facts.Executable)
	return err == nil && os.SameFile(info, ran) && !isScript(exe)
}

func isScript(path string) bool {
	file, err := os.Open(path)
	if err != nil {
		return false
	}
	defer file.Close()
	var magic [2]byte
	_, err = file.Read(magic[:])
	return err == nil && string(magic[:]) == "#!"
}

// probeCacheFile is "" if the user has no folder for caches. The script is in the name: another
// version of this package that asks other questions keeps other files.
func probeCacheFile(exe string) string {
	dir, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	sum := sha256.Sum256([]byte(probeScript + exe))
	return filepath.Join(dir, "pyhost", "probe", fmt.Sprintf("%x.json", sum[:12]))
}

func readFacts(file, exe string, stamp probeStamp) (probeFacts, bool) {
	text, err := os.ReadFile(file)
	if err != nil {
		return probeFacts{}, false
	}
	var kept cachedFacts
	if json.Unmarshal(text, &kept) != nil || kept.Path != exe || kept.Stamp != stamp {
		return probeFacts{}, false
	}
	return kept.Facts.inVenv(), kept.Facts.Version != ""
}

// writeFacts fails in silence: without a cache the next start takes longer, no more. Other
// processes see the old file or the new one, never half of it.
func writeFacts(file string, kept cachedFacts) {
	text, err := json.Marshal(kept)
	if err != nil || file == "" || os.MkdirAll(filepath.Dir(file), 0o700) != nil {
		return
	}
	temp, err := os.CreateTemp(filepath.Dir(file), "new-*")
	if err != nil {
		return
	}
	_, err = temp.Write(text)
	if closeErr := temp.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(temp.Name(), file)
	}
	if err != nil {
		_ = os.Remove(temp.Name())
	}
}
