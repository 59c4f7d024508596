# Runs once for each runspace of a new worker. FedXdr lies in Modules/ and loads by itself; its connection is made in the function,
# because the platform may change the identity's header while the worker lives.
