// What all of these programs check with: the first failure ends the program.
package main

import (
	"context"
	"log"
	"reflect"
)

var ctx = context.Background()

func must(err error) {
	if err != nil {
		log.Panic(err)
	}
}

func expect(got, wanted interface{}) {
	if !reflect.DeepEqual(got, wanted) {
		log.Panicf("got %v, not %v", got, wanted)
	}
}
