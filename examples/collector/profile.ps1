# Runs once per runspace of a new worker. FedXdr is in Modules/ and loads automatically. The function makes its
# connection, because the platform may change the identity's header while the worker lives.
