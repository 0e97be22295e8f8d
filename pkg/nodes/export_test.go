package nodes

// ByNamespace makes a counter list namespace by namespace, wherever that is possible.
func (c *Counter) ByNamespace() *Counter {
	c.list = listEach
	return c
}

// AtOnce makes a counter list all pods at once, wherever that is possible.
func (c *Counter) AtOnce() *Counter {
	c.list = listAtOnce
	return c
}
