// Command ferretdb serves the MongoDB wire protocol on one loopback address, its documents in SQLite files, for tests.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/FerretDB/FerretDB/ferretdb"
)

func main() {
	log.SetFlags(0)

	listen := flag.String("listen", "127.0.0.1:27017", "host:port to listen on")
	dir := flag.String("dir", "", "existing directory for the documents")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()

	if err := serve(ctx, *listen, *dir); err != nil {
		log.Fatalf("ferretdb: %s", err)
	}
}

// serve answers until ctx is done, which is no error.
func serve(ctx context.Context, listen, dir string) error {
	path, err := filepath.Abs(dir)
	if err != nil {
		return err
	}

	if info, err := os.Stat(path); dir == "" || err != nil || !info.IsDir() {
		return fmt.Errorf("-dir %q is not a directory", dir)
	}

	server, err := ferretdb.New(&ferretdb.Config{
		Listener:  ferretdb.ListenerConfig{TCP: listen},
		Handler:   "sqlite",
		SQLiteURL: "file:" + path + "/",
	})
	if err != nil {
		return err
	}

	if err = server.Run(ctx); errors.Is(err, context.Canceled) {
		return nil
	}

	return err
}
