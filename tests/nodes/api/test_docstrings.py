from nodes.api.docstrings import read_docstring


def test_the_first_paragraph_is_the_description():
    assert read_docstring("One\ntwo.\n\nThree.").description == "One two."
    assert read_docstring("One.\nArgs:\n    a: b").description == "One."
    assert read_docstring(None).description == ""
    assert read_docstring("").description == ""


def test_arguments_may_have_types_stars_and_several_lines():
    found = read_docstring(
        """X.

        Args:
            first (int): the first
                goes on: with a colon

                and on
            *rest: the rest
            **more: even more

        Returns:
            A thing
            of two lines.

        Raises:
            ValueError: sometimes
        """
    )
    assert found.arguments == {
        "first": "the first goes on: with a colon and on",
        "rest": "the rest",
        "more": "even more",
    }
    assert found.returns == "A thing of two lines."


def test_what_is_no_entry_is_passed_over():
    found = read_docstring("X.\n\nArgs:\n    no entry here\n    a: one\n\nNote:\n    b: two")
    assert found.arguments == {"a": "one"}
    assert read_docstring("X.\n\nArgs:\n").arguments == {}
