throw new Error("a pack that fails on purpose");
